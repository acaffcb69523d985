using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>A tensor whose bytes an int cannot count. What it needs in pieces is tested in DeviceFailureTests; this is the real thing.</summary>
[TestClass]
public sealed class LongTensorTests
{
    [TestMethod]
    [TestCategory("Slow")]
    public void Two_gibibytes_and_more_go_in_and_out()
    {
        GCMemoryInfo memory = GC.GetGCMemoryInfo();
        if (memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes < 8L << 30)
            Assert.Inconclusive("Skipped: less than 8 GiB of memory are free.");
        const int Count = 590_000_000;
        int[] places = [0, (1 << 28) - 1, 1 << 28, (1 << 29) - 1, 1 << 29, Count - 1];
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        var values = new float[Count];
        for (int i = 0; i < places.Length; i++)
            values[places[i]] = i + 1;
        using Tensor tensor = Tensor.From(device, [Count], values);
        Array.Clear(values);
        tensor.CopyTo(values);
        for (int i = 0; i < places.Length; i++)
            Assert.AreEqual(i + 1, values[places[i]], $"element {places[i]}");
        Assert.AreEqual(0f, values[places[^1] - 1]);
    }
}
