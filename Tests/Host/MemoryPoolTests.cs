using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

[TestClass]
public sealed class MemoryPoolTests
{
    [TestMethod]
    [DeviceRows]
    public void The_same_shape_again_allocates_nothing(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        Tensor.Zeros(device, [3, 443]).Dispose();
        DeviceStatistics statistics = device.Statistics;
        Assert.AreEqual(1, statistics.Allocations);
        Tensor.Zeros(device, [443, 3]).Dispose();
        Tensor.Zeros(device, [2 * 3, 443], DType.BFloat16).Dispose();
        Assert.AreEqual(1, statistics.Allocations);

        // Two at a time need two blocks.
        using Tensor first = Tensor.Zeros(device, [3, 443]), second = Tensor.Zeros(device, [3, 443]);
        Assert.AreEqual(2, statistics.Allocations);
    }

    [TestMethod]
    [DeviceRows]
    public void Counters_follow_every_tensor(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        DeviceStatistics statistics = device.Statistics;
        Tensor small = Tensor.Empty(device, [1]), large = Tensor.Empty(device, [1000]);
        long both = MemoryPool.RoundUp(4) + MemoryPool.RoundUp(4000);
        Assert.AreEqual(both, statistics.BytesInUse);
        Assert.AreEqual(both, statistics.BytesAllocated);
        large.Dispose();
        large.Dispose();
        Assert.AreEqual(MemoryPool.RoundUp(4), statistics.BytesInUse, "Disposing twice must not count twice.");
        Assert.AreEqual(both, statistics.BytesAllocated, "A freed block stays in the pool.");
        Assert.AreEqual(both, statistics.PeakBytesInUse);
        statistics.ResetPeak();
        Assert.AreEqual(MemoryPool.RoundUp(4), statistics.PeakBytesInUse);
        small.Dispose();
        Assert.AreEqual(0, statistics.BytesInUse);
    }

    [TestMethod]
    [DeviceRows]
    public void Trim_gives_back_what_no_tensor_uses(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        using Tensor kept = Tensor.From(device, [3], [1f, 2f, 3f]);
        Tensor.Empty(device, [5000]).Dispose();
        device.Trim();
        Assert.AreEqual(MemoryPool.RoundUp(12), device.Statistics.BytesAllocated);
        CollectionAssert.AreEqual(new[] { 1f, 2f, 3f }, kept.ToArray());

        long allocations = device.Statistics.Allocations;
        Tensor.Empty(device, [5000]).Dispose();
        Assert.AreEqual(allocations + 1, device.Statistics.Allocations, "A trimmed block is gone.");
    }

    [TestMethod]
    public void Size_classes_waste_an_eighth_at_most()
    {
        var random = new Random(3);
        for (int i = 0; i < 10_000; i++)
        {
            long bytes = 1 + (long)(random.NextDouble() * (1L << random.Next(1, 50)));
            long rounded = MemoryPool.RoundUp(bytes);
            Assert.IsGreaterThanOrEqualTo(bytes, rounded, $"{bytes}");
            Assert.AreEqual(0, rounded % 256, $"{bytes}");
            Assert.AreEqual(rounded, MemoryPool.RoundUp(rounded), $"{bytes}: a class is its own class.");
            Assert.IsTrue(rounded - bytes <= Math.Max(255, bytes / 8), $"{bytes} became {rounded}.");
        }
    }

    [TestMethod]
    public void Size_classes_grow_with_the_request_and_are_eight_per_power_of_two()
    {
        Assert.AreEqual(256, MemoryPool.RoundUp(0));
        Assert.AreEqual(256, MemoryPool.RoundUp(256));
        Assert.AreEqual(512, MemoryPool.RoundUp(257));
        Assert.AreEqual((1L << 20) + (1L << 17), MemoryPool.RoundUp((1L << 20) + 1));
        var classes = new SortedSet<long>();
        for (long bytes = (1 << 20) + 1; bytes <= 1 << 21; bytes += 997)
            classes.Add(MemoryPool.RoundUp(bytes));
        Assert.HasCount(8, classes);
    }

    [TestMethod]
    public void A_request_that_no_machine_can_meet_says_how_much_and_leaves_the_pool_working()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        using Tensor held = Tensor.From(device, [1], [42f]);
        Tensor.Empty(device, [64, 64]).Dispose();
        var error = Assert.ThrowsExactly<InsufficientMemoryException>(() => Tensor.Empty(device, [1 << 29, 1 << 29]));
        Assert.Contains($"{MemoryPool.RoundUp(4L << 58):N0} more bytes", error.Message);
        Assert.AreEqual(MemoryPool.RoundUp(4), device.Statistics.BytesAllocated, "Free blocks are given back before giving up.");
        Assert.AreEqual(42f, held.ToArray()[0]);
        using Tensor after = Tensor.Zeros(device, [64, 64]);
        Assert.AreEqual(0f, after.ToArray()[^1]);
    }

    [TestMethod]
    [DeviceRows]
    public void With_lengths_that_vary_little_more_than_the_peak_lies_idle(string id)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        var random = new Random(1);
        for (int step = 0; step < 300; step++)
        {
            using StepScope scope = device.BeginStep();
            for (int i = 0; i < 10; i++)
                Tensor.Empty(device, [random.Next(1, 300), 1000]);
        }

        DeviceStatistics statistics = device.Statistics;
        Assert.IsLessThanOrEqualTo(2 * statistics.PeakBytesInUse, statistics.BytesAllocated);
        Assert.AreEqual(0, statistics.BytesInUse);
    }

    [TestMethod]
    public void A_steady_step_asks_for_nothing_however_its_phases_differ()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        Step();
        long allocations = device.Statistics.Allocations;
        Assert.IsGreaterThan(5 * device.Statistics.PeakBytesInUse, device.Statistics.BytesAllocated, "Its blocks are many times the peak.");
        for (int step = 0; step < 20; step++)
            Step();
        Assert.AreEqual(allocations, device.Statistics.Allocations);

        // One after another, each of a size of its own.
        void Step()
        {
            using StepScope scope = device.BeginStep();
            for (int size = 8; size < 16; size++)
                Tensor.Empty(device, [size, 1 << 18]).Dispose();
        }
    }

    [TestMethod]
    public void What_a_large_step_long_ago_needed_is_given_back()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        using (device.BeginStep())
            Tensor.Empty(device, [10_000_000]);
        for (int step = 0; step < 600; step++)
        {
            using StepScope scope = device.BeginStep();
            Tensor.Empty(device, [100]);
        }

        Assert.IsLessThan(1 << 20, device.Statistics.BytesAllocated);
    }
}
