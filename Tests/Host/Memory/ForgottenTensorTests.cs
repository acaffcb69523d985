using System.Runtime.CompilerServices;
using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Memory;

/// <summary>Tensors that nobody disposes: their memory comes back once the garbage collector has found them, and no sooner.</summary>
[TestClass]
public sealed class ForgottenTensorTests
{
    [TestMethod]
    [DeviceRows]
    public void Their_blocks_are_used_again(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        DeviceStatistics statistics = device.Statistics;
        Forget(device, 3);
        Assert.AreEqual(6, statistics.LiveTensors, "Three and a view of each.");
        Assert.AreEqual(3, statistics.Allocations);
        Collect();
        Assert.AreEqual(6, statistics.LiveTensors, "Nothing happens on the finalizer's thread.");
        using Tensor again = Tensor.Zeros(device, [1000]);
        Assert.AreEqual(1, statistics.LiveTensors);
        Assert.AreEqual(1, statistics.TensorsOutsideScopes);
        Assert.AreEqual(6, statistics.ForgottenTensors);
        Assert.AreEqual(MemoryPool.RoundUp(4000), statistics.BytesInUse);
        Assert.AreEqual(3, statistics.Allocations);

        // The same block forgotten again comes back again.
        Forget(device, 2);
        Collect();
        Forget(device, 2);
        Assert.AreEqual(3, statistics.Allocations);
    }

    [TestMethod]
    public void A_view_keeps_its_block()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        using Tensor view = ViewOfForgotten(device);
        Collect();
        using Tensor other = Tensor.Zeros(device, [3]);
        CollectionAssert.AreEqual(new[] { 1f, 2f, 3f }, view.ToArray());
        Assert.AreEqual(2, device.Statistics.Allocations);
        Assert.AreEqual(0, device.Statistics.ForgottenTensors, "It is counted with the last tensor of the block.");
    }

    [TestMethod]
    public void What_a_scope_or_a_tape_holds_is_not_forgotten()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        using Tensor x = Tensor.From(device, [3], [1f, 2f, 3f]);
        x.RequiresGradient = true;
        using (StepScope step = device.BeginStep())
        {
            Forget(device, 2);
            Collect();
            device.Synchronize();
            Assert.AreEqual(5, device.Statistics.LiveTensors);
        }

        using StepScope tape = device.BeginTape();
        using Tensor loss = SumOfCubes(x);
        Collect();
        device.Synchronize();
        tape.Backward(loss);
        CollectionAssert.AreEqual(new[] { 3f, 12f, 27f }, x.Gradient!.ToArray());
        Assert.AreEqual(0, device.Statistics.ForgottenTensors);

        // A tape that was walked holds nothing any more, disposed or not.
        Collect();
        device.Synchronize();
        Assert.AreEqual(4, device.Statistics.LiveTensors, "The input, its gradient, the loss and what that is a view of.");
    }

    [TestMethod]
    [DeviceRows]
    public void The_pool_collects_before_it_doubles(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        using Tensor sum = Tensor.Zeros(device, [1 << 20]), one = Tensor.From(device, [1 << 20], Enumerable.Repeat(1f, 1 << 20).ToArray());
        for (int i = 0; i < 100; i++)
            Operators.AddInto(sum, Operators.Add(one, one));
        Assert.IsLessThanOrEqualTo(64L << 20, device.Statistics.PeakBytesInUse, "100 times 4 MB were forgotten.");
        Assert.IsGreaterThan(70, device.Statistics.ForgottenTensors);
        Assert.IsTrue(sum.ToArray().All(static v => v == 200f), "A block was used again too soon.");
    }

    [TestMethod]
    public void A_full_device_collects_within_an_operation_and_takes_nothing_from_it()
    {
        var backend = new FailingBackend { Allocations = 2 };
        using ComputeDevice device = FailingBackend.Open(backend);
        using Tensor used = Tensor.Zeros(device, [1000]);
        Forget(device, 1);
        using (device.Enter())
        {
            UseAndForget(device);
            Assert.AreEqual(2, device.Statistics.ForgottenTensors, "The one that was forgotten before made room.");
            Assert.ThrowsExactly<InsufficientMemoryException>(() => Tensor.Zeros(device, [1000]), "This operation knows its address.");
        }

        using Tensor third = Tensor.Zeros(device, [1000]);
        Assert.AreEqual(3, device.Statistics.ForgottenTensors);
    }

    [TestMethod]
    public void A_finalizer_may_dispose_a_tensor_and_must_not_use_it_later()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        var owner = new StrongBox<Tensor?>();
        Own(device, owner);
        Collect();
        Assert.AreEqual(1, device.Statistics.LiveTensors, "The owner's finalizer disposed one of two.");
        device.Synchronize();
        Assert.AreEqual(0, device.Statistics.LiveTensors);
        using Tensor first = Tensor.Zeros(device, [1000]), second = Tensor.Zeros(device, [1000]);
        Assert.AreEqual(2, device.Statistics.Allocations);
        Assert.ThrowsExactly<ObjectDisposedException>(() => owner.Value!.ToArray());
        owner.Value!.Dispose();
        Collect();
        device.Synchronize();
        Assert.AreEqual(2, device.Statistics.LiveTensors, "Neither the late dispose nor a late finalizer took what others have.");
        Assert.AreEqual(2, device.Statistics.TensorsOutsideScopes);
        Assert.AreEqual(2 * MemoryPool.RoundUp(4000), device.Statistics.BytesInUse);
    }

    [TestMethod]
    [DeviceRows]
    public void A_device_that_was_disposed_before_is_no_harm(string id)
    {
        ComputeDevice device = TestDevices.OpenNew(id);
        Forget(device, 3);
        device.Dispose();
        Collect();
        Assert.ThrowsExactly<ObjectDisposedException>(() => Tensor.Zeros(device, [1]));
        Assert.AreEqual(0, device.Statistics.BytesAllocated);
        Assert.IsTrue(device.Pool.Forgotten.IsEmpty, "Nobody would ever take them.");
    }

    [TestMethod]
    public void A_device_that_was_forgotten_with_them_is_no_harm()
    {
        for (int i = 0; i < 5; i++)
            ForgetWithDevice();
        Collect();
    }

    [TestMethod]
    public void Tracing_tells_where_the_oldest_were_made()
    {
        using ComputeDevice device = ComputeDevice.Create("cpu", new ComputeDeviceOptions { TraceTensors = true });
        using Tensor mine = Tensor.Zeros(device, [3, 5], DType.BFloat16);
        Tensor.Zeros(device, [7]).Dispose();
        Forget(device, 1);
        IReadOnlyList<TensorOrigin> oldest = device.OldestTensors();
        Assert.HasCount(2, oldest);
        Assert.AreEqual((new Shape(3, 5), DType.BFloat16), (oldest[0].Shape, oldest[0].DType));
        Assert.Contains(nameof(Tracing_tells_where_the_oldest_were_made), oldest[0].StackTrace);
        Assert.Contains(nameof(Forget), oldest[1].StackTrace);
        Assert.HasCount(1, device.OldestTensors(1));
        Collect();
        device.Synchronize();
        Assert.HasCount(1, device.OldestTensors(), "Tracing holds no tensor.");
        Assert.Contains("TraceTensors", Assert.ThrowsExactly<InvalidOperationException>(() => TestDevices.Get("cpu").OldestTensors()).Message);
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(ComputeDevice device, int tensors)
    {
        for (int i = 0; i < tensors; i++)
            Tensor.Zeros(device, [1000]).Reshape([10, 100]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Tensor ViewOfForgotten(ComputeDevice device) => Tensor.From(device, [3], [1f, 2f, 3f]).Reshape([3, 1]);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Tensor SumOfCubes(Tensor x)
        => Operators.Linear(Operators.Multiply(Operators.Multiply(x, x), x).Reshape([1, 3]), Ones(x.Device)).Reshape([1]);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Tensor Ones(ComputeDevice device) => Tensor.From(device, [1, 3], [1f, 1f, 1f]);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void UseAndForget(ComputeDevice device) => Assert.IsNotNull(Tensor.Zeros(device, [1000]).Allocation);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Own(ComputeDevice device, StrongBox<Tensor?> rescue)
        => _ = new Owner(Tensor.Zeros(device, [1000]), Tensor.Zeros(device, [1000]), rescue);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ForgetWithDevice() => Forget(ComputeDevice.Create("cpu", new ComputeDeviceOptions { Threads = 1 }), 3);

    /// <summary>Disposes one of its tensors in its finalizer, and saves the other from the collector, both of which nobody should.</summary>
    private sealed class Owner(Tensor disposed, Tensor saved, StrongBox<Tensor?> rescue)
    {
        ~Owner()
        {
            disposed.Dispose();
            rescue.Value = saved;
        }
    }
}
