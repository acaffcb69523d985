using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>A hidden key adds exactly nothing, wherever tiles begin and whichever kernel is chosen: with and without padding the bits are the same.</summary>
[TestClass]
public sealed class AttentionPaddingTests
{
    private const int Batch = 2, Heads = 2, HeadDim = 24, Queries = 19, Keys = 37;

    [TestMethod]
    [DeviceRows(0), DeviceRows(1), DeviceRows(27), DeviceRows(100)]
    public void Hidden_keys_at_the_end_change_no_bit(string id, int padding)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope scope = device.BeginStep();
        Tensor query = Tensor.From(
            device, [Batch, Queries, Heads * HeadDim], Draw(Queries, 1)), key = Tensor.From(device, [Batch, Keys, Heads * HeadDim], Draw(Keys, 2));
        var options = new ScoreOptions { Heads = Heads };
        float[] plain = Operators.Attention(query, key, key, options).ToArray();

        int length = Keys + padding;
        float[] keys = Draw(Keys, 2), padded = Draw(length, 3);
        for (int b = 0; b < Batch; b++)
            keys.AsSpan(b * Keys * Heads * HeadDim, Keys * Heads * HeadDim).CopyTo(padded.AsSpan(b * length * Heads * HeadDim));
        Tensor longer = Tensor.From(device, [Batch, length, Heads * HeadDim], padded);
        Tensor mask = Tensor.From(device, [Batch, length], [.. Enumerable.Range(0, Batch * length).Select(i => i % length < Keys)]);
        float[] masked = Operators.Attention(query, longer, longer, options with { KeyMask = mask }).ToArray();
        CollectionAssert.AreEqual(plain.Select(BitConverter.SingleToInt32Bits).ToArray(), masked.Select(BitConverter.SingleToInt32Bits).ToArray());
    }

    private static float[] Draw(int rows, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Batch * rows * Heads * HeadDim).Select(_ => random.NextSingle() * 4 - 2)];
    }
}
