using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

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
            Assert.AreSame(outer, outside.Scope);
            Assert.IsNull(callers.Scope);
        }
    }

    [TestMethod]
    public void Closing_out_of_order_is_an_error_and_disposes_nothing()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope outer = device.BeginStep();
        Tensor tensor = Tensor.Zeros(device, [1]);
        using (device.BeginStep())
        {
            var error = Assert.ThrowsExactly<InvalidOperationException>(outer.Dispose);
            Assert.Contains("reverse order", error.Message);
            Assert.IsFalse(tensor.IsDisposed);
        }

        outer.Dispose();
        Assert.IsTrue(tensor.IsDisposed);
        outer.Dispose();
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
        Assert.IsNull(device.CurrentScope);
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
