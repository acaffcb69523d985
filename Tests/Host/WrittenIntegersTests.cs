using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Ids that the host wrote are checked without reading them back; all others are read, and none passes that should not.</summary>
[TestClass]
public sealed class WrittenIntegersTests
{
    [TestMethod]
    [DeviceRows]
    public void Ids_that_the_host_wrote_are_not_read(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor table = Tensor.Zeros(device, [5, 2]), logits = Tensor.Zeros(device, [2, 2, 5]);
        Tensor ids = Tensor.From(device, [2, 2], [0, 4, 2, 1]), wide = Tensor.From(device, [4], [0L, 4, 2, 1]), targets = Tensor.From(
            device, [2, 2], [0, -100, 4, -100]);
        long reads = device.Statistics.Reads;
        Operators.Embedding(table, ids);
        Operators.Embedding(table, ids.Reshape([4]));
        Operators.Embedding(table, wide);
        Operators.GatherRows(table.Reshape([1, 5, 2]), ids.Reshape([1, 4]));
        Operators.SoftmaxCrossEntropy(logits, ids);
        Operators.SoftmaxCrossEntropy(logits, targets);
        Assert.AreEqual(reads, device.Statistics.Reads);
        ids.ToInt64Array();
        Assert.AreEqual(reads + 1, device.Statistics.Reads);
    }

    [TestMethod]
    public void What_is_out_of_range_is_found_however_it_came_there()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor table = Tensor.Zeros(device, [5, 2]), logits = Tensor.Zeros(device, [2, 5]);
        Tensor ids = Tensor.From(device, [2], [0, 4]), view = ids.Reshape([2, 1]), bad = Tensor.From(device, [2], [0, 5]);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Operators.Embedding(table, bad)).Message, "5 at position 1");
        Operators.CopyInto(ids, bad);
        Assert.ThrowsExactly<ArgumentException>(() => Operators.Embedding(table, ids));
        Assert.ThrowsExactly<ArgumentException>(() => Operators.Embedding(table, view));
        ids.Write([1, 2]);
        Operators.Embedding(table, view);
        ids.Write([1, -1]);
        Assert.ThrowsExactly<ArgumentException>(() => Operators.Embedding(table, view));
        Assert.ThrowsExactly<ArgumentException>(() => Operators.SoftmaxCrossEntropy(logits, Tensor.From(device, [2], [-100, -1])));
        Assert.ThrowsExactly<ArgumentException>(() => Operators.SoftmaxCrossEntropy(logits, Tensor.From(device, [2], [-101, -100])));
        Assert.ThrowsExactly<ArgumentException>(() => Operators.SoftmaxCrossEntropy(logits, Tensor.From(device, [2], [5, 0])));
        Operators.SoftmaxCrossEntropy(logits, Tensor.From(device, [2], [7, 0]), ignoreIndex: 7);
    }

    [TestMethod]
    public void Memory_that_is_used_again_is_not_remembered()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        Tensor.From(device, [2], [0, 4]).Dispose();
        using Tensor again = Tensor.Empty(device, [2], DType.Int32), whole = Tensor.Empty(device, [4], DType.Int32);
        Assert.IsNull(again.KnownIntegers);
        whole.Slice(0, [2]).Write([1, 2]);
        Assert.IsNull(whole.KnownIntegers, "The other half was never written.");
        Assert.IsNotNull(whole.Slice(1, [1]).KnownIntegers);
    }
}
