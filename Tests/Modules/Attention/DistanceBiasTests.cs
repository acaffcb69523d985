using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>
/// T5's and the dynamic position bias, which fused attention looks up by distance: against attention with its scores in memory, which writes them out.
/// </summary>
[TestClass]
public sealed class DistanceBiasTests
{
    private static readonly AttentionLayersOptions s_plain = new() { Dim = 16, Depth = 2, Heads = 4, Attn = new() { DimHead = 6 }, Ff = new() { Mult = 1 } };

    private static readonly Dictionary<string, AttentionLayersOptions> s_options = new(StringComparer.Ordinal)
    {
        ["T5"] = s_plain with { RelPosBias = true, RelPosNumBuckets = 6, RelPosMaxDistance = 7 },
        ["T5, memory"] = s_plain with { RelPosBias = true, Attn = s_plain.Attn with { NumMemKv = 2, KvHeads = 2, SoftclampLogits = true } },
        ["dynamic"] = s_plain with { DynamicPosBias = true, DynamicPosBiasNorm = true, Attn = s_plain.Attn with { AddZeroKv = true } },
    };

    public static IEnumerable<object[]> Rows =>
        from id in TestDevices.Ids from name in s_options.Keys from causal in new[] { false, true } select new object[] { id, name, causal };

    [TestMethod]
    [DynamicData(nameof(Rows))]
    public void It_is_the_written_out_bias_backward_too(string id, string name, bool causal)
    {
        ComputeDevice device = TestDevices.Get(id);
        AttentionLayersOptions options = s_options[name], written = options with { Attn = options.Attn with { PostTalkingHeads = true } };
        using AttentionLayers fused = Build(options), mixed = Build(written);
        foreach ((_, Tensor value) in fused.NamedParameters().Concat(mixed.NamedParameters()))
            value.RequiresGradient = true;
        using StepScope step = device.BeginStep(record: true);
        float[] numbers = GradientCheck.Values(2 * 9 * 16, 1);
        Tensor x = Tensor.From(device, [2, 9, 16], numbers), mask = Tensor.From(device, [2, 9], [.. Enumerable.Range(0, 18).Select(static n => n % 7 != 6)]);
        Tensor left = fused.Forward(x, mask: mask), right = mixed.Forward(x, mask: mask);
        Near(left, right, 1e-5f, "output");
        Tensor weights = Tensor.From(device, left.Shape, GradientCheck.Values((int)left.Shape.Count, 9));
        step.Backward((left * weights).Sum() + (right * weights).Sum());
        (string Key, Tensor Value)[] tables = [.. fused.NamedParameters().Where(static p => p.Name.StartsWith("rel_pos", StringComparison.Ordinal))];
        Assert.IsNotEmpty(tables);
        foreach ((string key, Tensor value) in tables)
            Near(value.Gradient!, mixed.NamedParameters().Single(p => p.Name == key).Value.Gradient!, 3e-5f, $"gradient of {key}");

        AttentionLayers Build(AttentionLayersOptions o) => causal ? new Decoder(o, device, seed: 3) : new Encoder(o, device, seed: 3);
    }

    private static void Near(Tensor expected, Tensor actual, float tolerance, string what)
    {
        float[] left = expected.ToArray(), right = actual.ToArray();
        Assert.HasCount(left.Length, right);
        float largest = Math.Max(1f, left.Max(MathF.Abs));
        for (int i = 0; i < left.Length; i++)
            Assert.AreEqual(left[i], right[i], tolerance * largest, $"{what}, element {i}");
    }
}
