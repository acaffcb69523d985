using System.Runtime.CompilerServices;
using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Steps;

/// <summary>
/// Steps that nobody closes and nobody has any more: their tensors come back once the garbage collector has found both, and nothing else changes.
/// </summary>
[TestClass]
public sealed class ForgottenStepTests
{
    [TestMethod]
    public void Its_tensors_belong_to_their_holders_and_the_rest_comes_back()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        DeviceStatistics statistics = device.Statistics;
        Tensor held = Forget(device);
        Assert.IsFalse(device.Execution.LetGoOfForgotten(), "Nothing was collected yet.");
        Assert.AreEqual(3, statistics.LiveTensors);
        LetGo(device);
        device.Synchronize();
        Assert.AreEqual(1, statistics.LiveTensors);
        Assert.AreEqual(2, statistics.ForgottenTensors);
        CollectionAssert.AreEqual(new[] { 1f, 2f }, held.ToArray());

        // What is made from here on belongs to its maker as well.
        using Tensor later = Tensor.Zeros(device, [2]);
        Assert.AreEqual(2, statistics.TensorsOutsideScopes);
        Assert.IsFalse(device.Execution.LetGoOfForgotten(), "It has let go already.");
        held.Dispose();
        using (device.BeginStep())
            Tensor.Zeros(device, [2]);
        Assert.AreEqual(1, statistics.LiveTensors);
        Assert.AreEqual(1, statistics.TensorsOutsideScopes);
    }

    [TestMethod]
    public void The_step_around_it_gets_its_tensors()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        Tensor held, later;
        using (StepScope outer = device.BeginStep())
        {
            held = Forget(device);
            LetGo(device);
            Assert.IsTrue(outer.Owns(held));
            later = Tensor.Zeros(device, [1]);
            Assert.IsTrue(outer.Owns(later));
            Assert.AreEqual(4, device.Statistics.LiveTensors);
        }

        Assert.IsTrue(held.IsDisposed && later.IsDisposed);
        Assert.AreEqual(0, device.Statistics.LiveTensors);
        Assert.AreEqual(0, device.Statistics.ForgottenTensors);
    }

    [TestMethod]
    public void A_step_inside_it_that_somebody_has_goes_on()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        Tensor held = Forget(device), kept;
        using (StepScope inner = device.BeginStep())
        {
            Tensor inside = Tensor.Zeros(device, [1]);
            LetGo(device);
            Assert.IsTrue(inner.IsOpen && inner.Owns(inside));
            Assert.IsTrue(inner.Owns(Tensor.Zeros(device, [1])));
            kept = inner.Keep(inside);
        }

        Assert.IsFalse(kept.IsDisposed);
        kept.Dispose();
        held.Dispose();
        device.Synchronize();
        Assert.AreEqual(0, device.Statistics.LiveTensors);
        Assert.AreEqual(0, device.Statistics.TensorsOutsideScopes);
    }

    [TestMethod]
    public void Many_in_one_another_let_go_to_the_one_that_somebody_has()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        Tensor first = Forget(device), second, third, fourth;
        using (StepScope outer = device.BeginStep())
        {
            (second, third) = (Forget(device), Forget(device));
            using (StepScope tape = device.BeginTape())
            {
                fourth = Forget(device);
                LetGo(device);
                Assert.IsTrue(outer.Owns(second) && outer.Owns(third) && outer.Owns(fourth) && outer.Owns(Tensor.Zeros(device, [1])));
                Assert.IsTrue(tape.IsRecording && device.IsRecording);

                // What the forgotten ones used is used again.
                using StepScope a = device.BeginStep(), b = device.BeginStep(), c = device.BeginStep();
                Assert.IsTrue(b.Owns(c.Keep(Tensor.Zeros(device, [1]))) && a.IsRecording);
            }

            Assert.IsTrue(outer.IsOpen && outer.Owns(Tensor.Zeros(device, [1])));
            Assert.IsFalse(device.IsRecording);

            Assert.IsFalse(second.IsDisposed || third.IsDisposed || fourth.IsDisposed);
        }

        Assert.IsTrue(second.IsDisposed && third.IsDisposed && fourth.IsDisposed);
        CollectionAssert.AreEqual(new[] { 1f, 2f }, first.ToArray());
        first.Dispose();
        Assert.AreEqual(0, device.Statistics.LiveTensors);
    }

    [TestMethod]
    public void Thousands_of_them_leave_nothing_on_the_managed_heap()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        long before = 0;
        for (int i = 0; i < 30; i++)
        {
            ForgetMany(device, 1000);
            LetGo(device);
            device.Synchronize();
            if (i == 9)
                before = GC.GetTotalMemory(forceFullCollection: true);
        }

        Assert.IsLessThan(256 * 1024, GC.GetTotalMemory(forceFullCollection: true) - before, "20 thousand steps of 400 bytes would be 8 MB.");
        Assert.AreEqual(0, device.Statistics.LiveTensors);
    }

    [TestMethod]
    public void What_it_has_in_force_stays_so()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        ForgetTraining(device);
        LetGo(device);
        Assert.IsTrue(device.IsRecording, "Results must not depend on when the collector runs.");
        Assert.AreEqual(7, device.Training!.Seed);
        using Tensor x = Tensor.Zeros(device, [1]);
        Assert.AreEqual(1, device.Statistics.TensorsOutsideScopes);
    }

    [TestMethod]
    public void A_step_that_somebody_has_keeps_its_tensors()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.Zeros(device, [1]);
        Collect();
        Assert.IsFalse(device.Execution.LetGoOfForgotten());
        Assert.IsTrue(step.Owns(x));
    }

    [TestMethod]
    public void A_step_that_an_operation_opened_is_not_forgotten()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        OpenAndClose(device);
        Collect();
        using (device.Enter())
        using (device.Execution.BeginWithin(StepParts.Memory))
            Assert.IsFalse(device.Execution.LetGoOfForgotten(), "What it uses again was held by somebody before.");
    }

    [TestMethod]
    [DeviceRows]
    public void The_pool_has_them_back_before_it_doubles(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        using Tensor sum = Tensor.Persistent(device, [1 << 20]), one = Tensor.Persistent(device, [1 << 20]);
        float[] ones = new float[1 << 20];
        Array.Fill(ones, 1f);
        sum.Write(new float[1 << 20]);
        one.Write(ones);
        for (int i = 0; i < 100; i++)
            AddInStep(sum, one);
        Assert.IsLessThanOrEqualTo(64L << 20, device.Statistics.PeakBytesInUse, "100 times 4 MB were forgotten.");
        Assert.IsTrue(sum.ToArray().All(static v => v == 200f), "A block was used again too soon.");
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    private static void LetGo(ComputeDevice device)
    {
        Collect();
        Assert.IsTrue(device.Execution.LetGoOfForgotten());
        Collect();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Tensor Forget(ComputeDevice device)
    {
        device.BeginStep();
        Tensor.Zeros(device, [1000]).Reshape([10, 100]);
        return Tensor.From(device, [2], [1f, 2f]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ForgetMany(ComputeDevice device, int steps)
    {
        for (int i = 0; i < steps; i++)
        {
            device.BeginStep();
            Tensor.Empty(device, [1]);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void OpenAndClose(ComputeDevice device) => device.BeginStep().Dispose();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ForgetTraining(ComputeDevice device) => device.BeginStep(record: true, training: new(7, 1));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void AddInStep(Tensor sum, Tensor one)
    {
        sum.Device.BeginStep();
        Operators.AddInto(sum, Operators.Add(one, one));
    }
}
