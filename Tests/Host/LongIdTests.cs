using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Ids of 64 bits: all of them are read. One that is no row is an error where the host checks, and goes nowhere where it does not.</summary>
[TestClass]
public sealed class LongIdTests
{
    private static readonly long[] s_far =
    [
        1L << 32, (1L << 32) + 1, -(1L << 32), 1 - (1L << 32), long.MaxValue, long.MinValue, (1L << 31) + 1, -(1L << 31), int.MaxValue, 1L << 62,
        0x1_0000_0000L * int.MaxValue + 2, uint.MaxValue, -1,
    ];

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void A_row_sent_out_of_range_goes_nowhere(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach (long far in s_far)
        {
            using StepScope step = device.BeginStep();
            Tensor rows = Tensor.From(device, [1, 3, 2], [1f, 2f, 3f, 4f, 5f, 6f]), index = Tensor.From(device, [1, 3], [1L, far, 2L]);
            rows.RequiresGradient = true;
            using StepScope tape = device.BeginTape();
            Tensor sent = Operators.ScatterRows(rows, index, 4);
            CollectionAssert.AreEqual(new[] { 0f, 0f, 1f, 2f, 5f, 6f, 0f, 0f }, sent.ToArray(), $"{far}");
            tape.Backward(sent, Tensor.From(device, [1, 4, 2], [9f, 9f, 1f, 2f, 3f, 4f, 9f, 9f]));
            CollectionAssert.AreEqual(new[] { 1f, 2f, 0f, 0f, 3f, 4f }, rows.Gradient!.ToArray(), $"gradient of {far}");
            Tensor table = Operators.EmbeddingBackward(Tensor.From(device, [3, 2], [1f, 2f, 3f, 4f, 5f, 6f]), Tensor.From(device, [3], [1L, far, 2L]), 4);
            CollectionAssert.AreEqual(new[] { 0f, 0f, 1f, 2f, 5f, 6f, 0f, 0f }, table.ToArray(), $"table, {far}");
        }
    }

    [TestMethod]
    [DeviceRows]
    public void A_lookup_out_of_range_is_an_error(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor table = Tensor.From(device, [4, 2], new float[8]), sequence = table.Reshape([1, 4, 2]), logits = Tensor.From(device, [1, 4], new float[4]);
        foreach (long far in s_far)
        {
            // A copy is not known to the host, which must then read it back.
            foreach (Tensor ids in new[] { Tensor.From(device, [1, 1], [far]), Unknown(device, far) })
            {
                AssertNames(far, () => Operators.Embedding(table, ids));
                AssertNames(far, () => Operators.GatherRows(sequence, ids));
                AssertNames(far, () => Operators.SoftmaxCrossEntropy(logits, ids.Reshape([1])));
            }
        }

        AssertNames((1L << 32) - 100, () => Operators.SoftmaxCrossEntropy(logits, Tensor.From(device, [1], [(1L << 32) - 100])));
    }

    private static Tensor Unknown(ComputeDevice device, long id)
    {
        Tensor copy = Tensor.Empty(device, [1, 1], DType.Int64);
        Tensor.From(device, [1, 1], [id]).CopyBitsTo(copy);
        return copy;
    }

    private static void AssertNames(long value, Action call) => Assert.Contains($"{value}", Assert.Throws<ArgumentException>(call).Message);
}
