using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Steps;

[TestClass]
public sealed class StepScopeTests
{
    [TestMethod]
    [DeviceRows]
    public void Closing_disposes_what_was_made_inside(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Tensor before = Tensor.Zeros(device, [2]);
        Tensor inside, view, persistent;
        using (device.BeginStep())
        {
            inside = Tensor.Zeros(device, [2]);
            view = before.Reshape([2, 1]);
            persistent = Tensor.Persistent(device, [2]);
        }

        Assert.IsTrue(inside.IsDisposed);
        Assert.IsTrue(view.IsDisposed);
        Assert.IsFalse(before.IsDisposed);
        Assert.IsFalse(persistent.IsDisposed);
        persistent.Dispose();
    }

    [TestMethod]
    public void Keep_hands_a_tensor_to_the_scope_outside_and_at_last_to_the_caller()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Tensor tensor;
        using (StepScope outer = device.BeginStep())
        {
            using (StepScope inner = device.BeginStep())
            {
                tensor = Tensor.From(device, [1], [5f]);
                Assert.AreSame(tensor, inner.Keep(tensor));
                inner.Keep(tensor);
            }

            Assert.IsFalse(tensor.IsDisposed);
            outer.Keep(tensor);
        }

        Assert.AreEqual(5f, tensor.ToArray()[0]);
        tensor.Dispose();
    }

    [TestMethod]
    public void A_kept_tensor_is_disposed_with_the_scope_outside()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Tensor tensor;
        using (device.BeginStep())
        {
            using (StepScope inner = device.BeginStep())
                tensor = inner.Keep(Tensor.Zeros(device, [1]));
            Assert.IsFalse(tensor.IsDisposed);
        }

        Assert.IsTrue(tensor.IsDisposed);
    }

    [TestMethod]
    public void Keep_leaves_tensors_of_other_owners_alone()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Tensor callers = Tensor.Zeros(device, [1]);
        using StepScope outer = device.BeginStep();
        Tensor outside = Tensor.Zeros(device, [1]);
        using (StepScope inner = device.BeginStep())
        {
            inner.Keep(outside);
            inner.Keep(callers);
            Assert.IsTrue(outer.Owns(outside));
            Assert.AreEqual(0, callers.Scope);
        }
    }

    [TestMethod]
    public void Closing_a_scope_closes_those_inside_it_that_were_forgotten()
    {
        ComputeDevice device = TestDevices.GetSettled("cpu");
        long inUse = device.Statistics.BytesInUse;
        StepScope outer = device.BeginStep();
        Tensor tensor = Tensor.Zeros(device, [1]);
        StepScope inner = device.BeginStep();
        Tensor inside = Tensor.Zeros(device, [1]);
        outer.Dispose();
        Assert.IsTrue(tensor.IsDisposed);
        Assert.IsTrue(inside.IsDisposed);
        Assert.IsTrue(device.Execution.IsEmpty);
        Assert.ThrowsExactly<ObjectDisposedException>(() => inner.Keep(inside));

        // Later ones are not theirs.
        using StepScope next = device.BeginStep();
        inner.Dispose();
        outer.Dispose();
        Assert.IsTrue(next.IsOpen);
        Assert.AreEqual(inUse, device.Statistics.BytesInUse);
    }

    [TestMethod]
    public void A_forgotten_scope_or_tape_hides_no_exception()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Throws(device, static device => device.BeginStep(), static device => device.BeginStep());
        Throws(device, static device => device.BeginTape(), static device => device.BeginTape());
        Throws(device, static device => device.BeginTape(), static device => device.NoGradient());
        Throws(device, static device => device.NoGradient(), static device => device.BeginTape());
        Throws(device, static device => device.BeginTraining(1, 1), static device => device.BeginTraining(1, 2));
        Throws(device, static device => device.BeginTraining(1, 1), static device => device.BeginEvaluation());
        Throws(device, static device => device.BeginEvaluation(), static device => device.BeginTraining(1, 2));
        Throws(device, static device => device.BeginStep(), static device => device.BeginTape());

        static void Throws(ComputeDevice device, Func<ComputeDevice, IDisposable> outer, Func<ComputeDevice, IDisposable> forgotten)
        {
            IDisposable? inner = null;
            Assert.ThrowsExactly<InvalidDataException>(() =>
            {
                using IDisposable scope = outer(device);
                inner = forgotten(device);
                throw new InvalidDataException("the user's own");
            });
            inner!.Dispose();
            Assert.IsTrue(device.Execution.IsEmpty);
            Assert.IsFalse(device.IsRecording);
            Assert.IsNull(device.Training);
        }
    }

    [TestMethod]
    public void Statistics_tell_how_many_tensors_live_outside_any_scope()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        DeviceStatistics statistics = device.Statistics;
        Tensor outside = Tensor.Zeros(device, [1]), view = outside.Reshape([]), persistent;
        Assert.AreEqual(2, statistics.TensorsOutsideScopes);
        Tensor kept;
        using (StepScope step = device.BeginStep())
        {
            Tensor inside = Tensor.Zeros(device, [1]);
            persistent = Tensor.Persistent(device, [1]);
            Assert.AreEqual(3, statistics.TensorsOutsideScopes);
            kept = step.Keep(Operators.Add(inside, inside));
            inside.Dispose();
            Assert.AreEqual(4, statistics.TensorsOutsideScopes);
        }

        foreach (Tensor tensor in new[] { outside, view, persistent, kept, kept })
            tensor.Dispose();
        Assert.AreEqual(0, statistics.TensorsOutsideScopes);
    }

    [TestMethod]
    public void A_closed_scope_keeps_nothing()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        StepScope scope = device.BeginStep();
        Tensor tensor = Tensor.Zeros(device, [1]);
        scope.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => scope.Keep(tensor));
    }

    [TestMethod]
    public void An_exception_inside_closes_the_scopes_on_its_way_out()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        Assert.ThrowsExactly<ArgumentException>(() =>
        {
            using StepScope outer = device.BeginStep();
            using StepScope inner = device.BeginStep();
            Tensor.From(device, [2], [1f]);
        });
        Assert.IsTrue(device.Execution.IsEmpty);
        Assert.AreEqual(0, device.Statistics.BytesInUse);
    }

    [TestMethod]
    [DeviceRows]
    public void Ten_thousand_steps_hold_memory_flat(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        using Tensor state = Tensor.Persistent(device, [16, 16]);
        Step(device, state);
        DeviceStatistics statistics = device.Statistics;
        long allocations = statistics.Allocations, bytes = statistics.BytesAllocated, inUse = statistics.BytesInUse;
        long managed = GC.GetTotalMemory(forceFullCollection: true);
        for (int step = 0; step < 10_000; step++)
            Step(device, state);
        Assert.AreEqual(allocations, statistics.Allocations);
        Assert.AreEqual(bytes, statistics.BytesAllocated);
        Assert.AreEqual(inUse, statistics.BytesInUse);
        long growth = GC.GetTotalMemory(forceFullCollection: true) - managed;
        Assert.IsLessThan(256 * 1024, growth, "Steps leave something behind on the managed heap.");
    }

    private static void Step(ComputeDevice device, Tensor state)
    {
        using StepScope step = device.BeginStep();
        Tensor activation = Tensor.Empty(device, [16, 16]);
        Tensor kept;
        using (StepScope layer = device.BeginStep())
        {
            Tensor.Empty(device, [4, 64], DType.BFloat16);
            kept = layer.Keep(Tensor.Empty(device, [2, 128]));
        }

        kept.Reshape(state.Shape);
        activation.Reshape([256]);
    }
}
