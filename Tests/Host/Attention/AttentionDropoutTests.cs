using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>What attention drops, seen through values that are the unit vectors: the output is then the probabilities themselves.</summary>
[TestClass]
public sealed class AttentionDropoutTests
{
    private const int Batch = 2, Heads = 3, Queries = 70, Keys = 90;

    private const float Probability = 0.3f;

    [TestMethod]
    [DeviceRows]
    public void Every_device_drops_the_same_pairs_and_none_in_evaluation(string id)
    {
        float[] kept = Probabilities(id, Probability, 1, 2), all = Probabilities(id, 0f, 1, 2);
        CollectionAssert.AreEqual(Array.ConvertAll(Probabilities("cpu", Probability, 1, 2), static p => p != 0f), Array.ConvertAll(kept, static p => p != 0f));
        Assert.IsTrue(all.All(static p => MathF.Abs(p - 1f / Keys) < 1e-6f));
        Assert.IsTrue(kept.All(static p => p == 0f || MathF.Abs(p - 1f / (1f - Probability) / Keys) < 1e-6f));
        Assert.AreEqual(1 - Probability, kept.Count(static p => p != 0f) / (double)kept.Length, 0.01, "four standard deviations");
    }

    [TestMethod]
    [DeviceRows]
    public void Seed_stream_batch_head_query_and_key_decide_what_is_dropped(string id)
    {
        float[] kept = Probabilities(id, Probability, 1, 2);
        CollectionAssert.AreEqual(kept, Probabilities(id, Probability, 1, 2));
        Assert.AreEqual(0.42, Different(Probabilities(id, Probability, 3, 2)), 0.015, "another seed");
        Assert.AreEqual(0.42, Different(Probabilities(id, Probability, 1, 3)), 0.015, "another stream");
        Assert.AreEqual(0.42, Different(Probabilities(id, Probability, 1UL << 40, 2)), 0.015, "the seed's upper half counts too");
        Assert.AreEqual(0.42, Different(Probabilities(id, Probability, 1, 2 | (1UL << 40))), 0.015, "the stream's upper half counts too");
        foreach (int distance in new[] { 1, 4, Keys, Heads * Keys, Queries * Heads * Keys })
            Assert.AreEqual(0.42, Different([.. kept.Skip(distance), .. kept.Take(distance)]), 0.015, $"pairs {distance} apart");

        double Different(float[] other) => kept.Zip(other).Count(static p => p.First == 0f != (p.Second == 0f)) / (double)kept.Length;
    }

    [TestMethod]
    public void The_tensor_cores_do_not_take_it()
    {
        using ComputeDevice device = ComputeDevice.Create(TestDevices.Simulator);
        device.PreferredVariant = "TensorCore";
        using Tensor x = Tensor.Zeros(device, [1, 2, 64], DType.BFloat16);
        Assert.AreEqual(
            "Portable",
            AttentionOperator.Definition.Choose(device, AttentionOperator.Prepare(x, x, x, new ScoreOptions { Heads = 1, Dropout = Probability }, null)).Name);
    }

    // [batch, query, head, key]
    private static float[] Probabilities(string id, float dropout, ulong seed, ulong stream)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var unit = new float[Batch * Keys * Keys];
        for (int n = 0; n < Batch * Keys; n++)
            unit[n * Keys + n % Keys] = 1f;
        return Operators.Attention(
            Tensor.Zeros(device, [Batch, Queries, Heads * 4]),
            Tensor.Zeros(device, [Batch, Keys, 4]),
            Tensor.From(device, [Batch, Keys, Keys], unit),
            new ScoreOptions { Heads = Heads, KeyValueHeads = 1, Dropout = dropout, DropoutSeed = seed, DropoutStream = stream }).ToArray();
    }
}
