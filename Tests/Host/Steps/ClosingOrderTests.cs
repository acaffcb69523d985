using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Steps;

/// <summary>
/// Whatever is opened and in whatever order it is closed: the user's exception comes out, what is open is told, and the device is at last as it was before.
/// </summary>
[TestClass]
public sealed class ClosingOrderTests
{
    private static readonly TrainingStep s_first = new(1, 2), s_second = new(3, 4, 5);

    // What each opens: memory, recording (null: as outside), training (null: as outside).
    private static readonly Kind[] s_kinds =
    [
        new("step", static d => d.BeginStep(), true, null, null),
        new("tape", static d => d.BeginTape(), false, true, null),
        new("pause", static d => d.NoGradient(), false, false, null),
        new("training", static d => d.BeginTraining(s_first.Seed, s_first.Step), false, null, s_first),
        new("evaluation", static d => d.BeginEvaluation(), false, null, TrainingStep.None),
        new("construction", static d => d.BeginConstruction(), false, null, null),
        new("training step", static d => d.BeginStep(record: true, training: s_second), true, true, s_second),
        new("inference step", static d => d.BeginStep(record: false, training: TrainingStep.None), true, false, TrainingStep.None),
    ];

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    public void Levels_close_in_any_order(int count)
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        foreach (Kind[] kinds in Combinations(count))
        {
            foreach (int[] order in Orders(count))
                CloseInOrder(device, kinds, order);
        }
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    public void An_exception_under_way_comes_out_whatever_is_closed_or_forgotten(int count)
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        foreach (Kind[] kinds in Combinations(count))
        {
            foreach (int[] order in Orders(count))
            {
                var scopes = new StepScope[count];
                var error = Assert.ThrowsExactly<InvalidDataException>(() =>
                {
                    try
                    {
                        for (int i = 0; i < count; i++)
                            scopes[i] = kinds[i].Open(device);
                        Tensor.Persistent(device, [3]).Dispose();
                        throw new InvalidDataException("the user's own");
                    }
                    finally
                    {
                        foreach (int i in order)
                            scopes[i].Dispose();
                    }
                });
                Assert.AreEqual("the user's own", error.Message);
                foreach (StepScope scope in scopes)
                    scope.Dispose();
                CheckAsBefore(device, Describe(kinds, order));
            }
        }
    }

    [TestMethod]
    public void A_closed_step_tells_nothing_and_does_nothing()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        StepScope step = device.BeginStep(record: true, training: s_first), inner = device.BeginStep();
        Assert.IsTrue(inner.IsRecording, "It is within one that records.");
        Assert.AreSame(step.Training, inner.Training);
        Assert.AreEqual(0, inner.RecordedCalls, "The tape is not its own.");
        Tensor x = Leaf(device);
        Tensor y = Operators.Multiply(x, x);
        Assert.AreEqual(1, step.RecordedCalls);
        step.Dispose();
        foreach (StepScope closed in new[] { step, inner })
        {
            Assert.IsFalse(closed.IsOpen || closed.OwnsTensors || closed.IsRecording);
            Assert.IsNull(closed.Training);
            Assert.AreEqual(0, closed.RecordedCalls);
            Assert.ThrowsExactly<ObjectDisposedException>(() => closed.Keep(x));
            Assert.ThrowsExactly<ObjectDisposedException>(() => closed.Backward(y));
            Assert.ThrowsExactly<ObjectDisposedException>(() => closed.NextUniform());
            Assert.ThrowsExactly<ObjectDisposedException>(() => closed.NextStream());
            Assert.ThrowsExactly<ObjectDisposedException>(closed.Complete);
        }

        // What it used is used again, and is not its own.
        using StepScope next = device.BeginStep(record: true);
        step.Dispose();
        inner.Dispose();
        Assert.IsTrue(next.IsOpen && device.IsRecording);
        Assert.IsFalse(step.IsOpen || inner.IsOpen);
    }

    [TestMethod]
    public void What_a_step_did_not_open_it_does_not_do()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        using StepScope tape = device.BeginTape();
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device);
        Tensor y = Operators.Multiply(x, x);
        Assert.Contains("no tape of its own", Assert.ThrowsExactly<InvalidOperationException>(() => step.Backward(y)).Message);
        Assert.Contains("BeginTraining", Assert.ThrowsExactly<InvalidOperationException>(() => step.NextUniform()).Message);
        Assert.Contains("BeginTraining", Assert.ThrowsExactly<InvalidOperationException>(() => step.NextStream()).Message);
        Assert.Contains("BeginConstruction", Assert.ThrowsExactly<InvalidOperationException>(step.Complete).Message);
        Assert.AreSame(y, tape.Keep(y));
        Assert.IsTrue(step.Owns(y));
        tape.Backward(y);
        Assert.AreEqual(6f, x.Gradient!.ToArray()[0]);
        Assert.IsTrue(step.IsOpen);
        Assert.IsFalse(step.IsRecording || tape.IsRecording || device.IsRecording, "The tape is used up.");
        Assert.AreEqual(1, tape.RecordedCalls);
        using (StepScope again = device.BeginStep(record: true))
            Assert.IsTrue(again.IsRecording && device.IsRecording);
        Assert.IsFalse(device.IsRecording);
    }

    [TestMethod]
    public void A_step_of_another_device_is_another_step()
    {
        using ComputeDevice one = TestDevices.OpenNew("cpu"), other = TestDevices.OpenNew("cpu");
        using StepScope outer = one.BeginStep(), step = one.BeginStep();
        using StepScope otherOuter = other.BeginStep(), otherStep = other.BeginStep();
        Tensor x = Leaf(one);
        otherStep.Keep(x);
        Assert.IsTrue(step.Owns(x));
    }

    [TestMethod]
    public void A_construction_inside_is_undone_unless_it_was_completed()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        foreach (bool isComplete in new[] { false, true })
        {
            Tensor made;
            using (device.BeginStep())
            {
                StepScope forgotten = device.BeginConstruction();
                made = Tensor.Persistent(device, [1]);
                if (isComplete)
                    forgotten.Complete();
            }

            Assert.AreEqual(isComplete, !made.IsDisposed);
            made.Dispose();
        }

        CheckAsBefore(device, "construction");
    }

    [TestMethod]
    public void A_step_within_a_step_allocates_only_what_its_user_holds()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        using StepScope outer = device.BeginStep();
        Open(device);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Open(device);
        Assert.IsLessThanOrEqualTo(1000 * 32, GC.GetAllocatedBytesForCurrentThread() - before, "A header and two fields.");

        static void Open(ComputeDevice device)
        {
            using StepScope inner = device.BeginStep();
        }
    }

    private static void CloseInOrder(ComputeDevice device, Kind[] kinds, int[] order)
    {
        string what = Describe(kinds, order);
        var scopes = new List<StepScope>();
        var made = new List<(Tensor Tensor, int Owner)>();
        for (int i = 0; i < kinds.Length; i++)
        {
            scopes.Add(kinds[i].Open(device));
            CheckTold(device, kinds, scopes, i + 1, what);
            made.Add((Tensor.Empty(device, [1]), Array.FindLastIndex(kinds, i, static kind => kind.OwnsTensors)));
        }

        int open = kinds.Length;
        foreach (int closed in order)
        {
            scopes[closed].Dispose();
            open = Math.Min(open, closed);
            CheckTold(device, kinds, scopes, open, what);
            foreach ((Tensor tensor, int owner) in made)
                Assert.AreEqual(owner >= open, tensor.IsDisposed, what);
        }

        scopes[0].Dispose();
        foreach ((Tensor tensor, int _) in made)
            tensor.Dispose();
        CheckAsBefore(device, what);
    }

    /// <summary>That the device and every step say what is in force with the first <paramref name="open"/> of them open.</summary>
    private static void CheckTold(ComputeDevice device, Kind[] kinds, List<StepScope> scopes, int open, string what)
    {
        for (int i = 0; i < scopes.Count; i++)
        {
            Assert.AreEqual(i < open, scopes[i].IsOpen, what);
            Assert.AreEqual(i < open && kinds[i].OwnsTensors, scopes[i].OwnsTensors, what);
            Assert.AreEqual(i < open && IsRecording(i + 1), scopes[i].IsRecording, what);
            Assert.AreEqual(i < open ? Training(i + 1) : TrainingStep.None, Told(scopes[i].Training), what);
        }

        Assert.AreEqual(IsRecording(open), device.IsRecording, what);
        Assert.AreEqual(Training(open), Told(device.Training), what);
        Assert.AreEqual(open == 0, device.Execution.IsEmpty, what);

        bool IsRecording(int count) => kinds.Take(count).LastOrDefault(static kind => kind.Records is not null)?.Records ?? false;

        TrainingStep Training(int count) => kinds.Take(count).LastOrDefault(static kind => kind.Training is not null)?.Training ?? TrainingStep.None;

        static TrainingStep Told(RandomStreams? streams) => streams is null ? TrainingStep.None : new TrainingStep(streams.Seed, streams.Step, streams.Batch);
    }

    /// <summary>That nothing is open, nothing is left, and the next step works.</summary>
    private static void CheckAsBefore(ComputeDevice device, string what)
    {
        Assert.IsTrue(device.Execution.IsEmpty, what);
        Assert.IsFalse(device.IsRecording, what);
        Assert.IsNull(device.Training, what);
        Assert.AreEqual(0, device.Statistics.LiveTensors, what);
        Assert.AreEqual(0, device.Statistics.TensorsOutsideScopes, what);
        Assert.AreEqual(0, device.Statistics.BytesInUse, what);
        using (StepScope step = device.BeginStep(record: true, training: s_first))
        {
            Tensor x = Leaf(device);
            step.Backward(Operators.Multiply(x, x));
            Assert.AreEqual(6f, x.Gradient!.ToArray()[0], what);
        }

        Assert.AreEqual(0, device.Statistics.LiveTensors, what);
    }

    private static Tensor Leaf(ComputeDevice device)
    {
        Tensor x = Tensor.From(device, [1], [3f]);
        x.RequiresGradient = true;
        return x;
    }

    private static string Describe(Kind[] kinds, int[] order)
        => $"{string.Join(", ", kinds.Select(static kind => kind.Name))}; closed {string.Join(", ", order)}";

    private static IEnumerable<Kind[]> Combinations(int count)
        => count == 0 ? [[]] : Combinations(count - 1).SelectMany(static some => s_kinds.Select(kind => (Kind[])[.. some, kind]));

    /// <summary>All orders of all subsets: what is not in it is forgotten.</summary>
    private static IEnumerable<int[]> Orders(int count)
    {
        return Extend([]);

        IEnumerable<int[]> Extend(int[] order)
            => Enumerable.Range(0, count).Except(order).SelectMany(next => Extend([.. order, next])).Prepend(order);
    }

    private sealed record Kind(string Name, Func<ComputeDevice, StepScope> Open, bool OwnsTensors, bool? Records, TrainingStep? Training);
}
