using GpuTransformer.Host;
using GpuTransformer.Modules;
using AttentionModule = GpuTransformer.Modules.Attention;

namespace GpuTransformer.Tests.Modules;

/// <summary>
/// Attention with its scores in memory against the fused operator: talking heads that mix nothing, as they are at first, make the one what the other is.
/// </summary>
[TestClass]
public sealed class ExplicitAttentionTests
{
    private static readonly AttentionOptions s_plain = new() { Dim = 12, Heads = 4, DimHead = 6 };

    private static readonly Dictionary<string, AttentionOptions> s_options = new(StringComparer.Ordinal)
    {
        ["plain"] = s_plain,
        ["causal"] = s_plain with { Causal = true },
        ["window"] = s_plain with { Causal = true, MaxAttendPast = 2 },
        ["kv heads, memory"] = s_plain with { KvHeads = 2, NumMemKv = 2, Causal = true },
        ["zero, clamp, norm"] = s_plain with { AddZeroKv = true, SoftclampLogits = true, LogitSoftclampValue = 0.5f, QkNorm = true },
        ["value width"] = s_plain with { ValueDimHead = 5, OneKvHead = true },
        ["distance"] = s_plain with { L2Distance = true, AddZeroKv = true },
        ["sink"] = s_plain with { HeadLearnedSink = true, NumMemKv = 1 },
    };

    public static IEnumerable<object[]> Rows => from id in TestDevices.Ids from name in s_options.Keys select new object[] { id, name };

    [TestMethod]
    [DynamicData(nameof(Rows))]
    public void It_gives_what_fused_attention_gives_backward_too(string id, string name)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var fused = new AttentionModule(s_options[name], device, seed: 3);
        using var mixed = new AttentionModule(s_options[name] with { PostTalkingHeads = true }, device, seed: 3);
        Assert.IsTrue(fused.IsFused);
        Assert.IsFalse(mixed.IsFused);
        foreach ((string key, Tensor value) in fused.NamedParameters().Where(static p => p.Name.EndsWith("head_attn_sink", StringComparison.Ordinal)))
        {
            value.Write(new[] { 0.5f, -1f, 2f, 0f });
            mixed.NamedParameters().Single(p => p.Name == key).Value.Write(new[] { 0.5f, -1f, 2f, 0f });
        }

        foreach ((_, Tensor value) in fused.NamedParameters().Concat(mixed.NamedParameters()))
            value.RequiresGradient = true;
        using StepScope step = device.BeginStep(record: true);
        Tensor x = Input(device, [2, 5, 12], 1), y = Input(device, [2, 5, 12], 1);
        Tensor mask = Tensor.From(device, [2, 5], [true, true, true, false, false, true, true, true, true, true]);
        float[] added = GradientCheck.Values(100, 7);
        (added[3], added[11], added[12]) = (float.NegativeInfinity, float.NegativeInfinity, -4f);
        Tensor bias = Tensor.From(device, [4, 5, 5], added);
        Tensor left = fused.Forward(x, mask: mask, attnBias: bias), right = mixed.Forward(y, mask: mask, attnBias: bias);
        Near(left, right, 2e-6f, "output");
        Tensor weights = Tensor.From(device, left.Shape, GradientCheck.Values((int)left.Shape.Count, 9));
        step.Backward((left * weights).Sum() + (right * weights).Sum());
        Near(x.Gradient!, y.Gradient!, 1e-5f, "gradient of x");
        foreach ((string key, Tensor value) in fused.NamedParameters())
            Near(value.Gradient!, mixed.NamedParameters().Single(p => p.Name == key).Value.Gradient!, 2e-5f, $"gradient of {key}");
    }

    [TestMethod]
    [DeviceRows]
    public void Positions_and_masks_of_pairs_are_those_of_fused_attention(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        var options = new AttentionLayersOptions { Dim = 12, Depth = 1, Heads = 4, AlibiPosBias = true, Attn = new() { DimHead = 6 }, Ff = new() { Mult = 1 } };
        using var fused = new Encoder(options, device, seed: 2);
        using var mixed = new Encoder(options with { Attn = options.Attn with { PostTalkingHeads = true } }, device, seed: 2);
        using StepScope step = device.BeginStep();
        Tensor x = Input(device, [2, 6, 12], 4);
        Tensor pairs = Tensor.From(device, [6, 6], [.. Enumerable.Range(0, 36).Select(static i => i % 5 != 0)]);
        Near(fused.Forward(x, attnMask: pairs), mixed.Forward(x, attnMask: pairs), 5e-6f, "counted positions");
        var inputs = new StackInputs { Pos = Tensor.From(device, [6], [0f, 3f, 4f, 9f, 10f, 12f]) };
        Near(fused.Forward(x, inputs), mixed.Forward(x, inputs), 5e-6f, "given positions");
    }

    [TestMethod]
    [DeviceRows]
    public void A_query_that_sees_no_key_gives_exactly_zero_whatever_the_heads_say(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Input(device, [1, 3, 12], 1), none = Tensor.From(device, [1, 3], [false, false, false]);
        foreach (AttentionOptions options in new[]
        {
            s_plain with { PreTalkingHeads = true }, s_plain with { PostTalkingHeads = true }, s_plain with { PreScalePostTalkingHeads = true },
            s_plain with { Sigmoid = true }, s_plain with { CogSigned = true }, s_plain with { InvertedAttention = true },
            s_plain with { Sigmoid = true, HeadLearnedSink = true }, s_plain with { Hard = true }, s_plain with { SparseTopk = 2 },
            s_plain with { Selective = true, Causal = true },
        })
        {
            using var attention = new AttentionModule(options, device);
            CollectionAssert.AreEqual(new float[36], attention.Forward(x, contextMask: none).ToArray(), string.Join(", ", options.NeedScores));
        }
    }

    [TestMethod]
    [DeviceRows]
    public void A_head_that_sees_no_key_gives_nothing_whatever_the_others_say(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var attend = new Attend(new AttendOptions { Heads = 2, PostTalkingHeads = true }, device);
        attend.NamedParameters().Single().Value.Write(new[] { 1f, 2f, 3f, 4f });
        using StepScope step = device.BeginStep();
        Tensor q = Input(device, [1, 2, 1, 3], 1), k = Input(device, [1, 2, 2, 3], 2);
        Tensor mask = Tensor.From(device, [1, 2, 1, 2], [false, false, true, true]);
        float[] output = attend.Forward(q, k, k, mask).ToArray();
        CollectionAssert.AreEqual(new float[3], output[..3]);
        Assert.AreNotEqual(0f, output[3]);
    }

    [TestMethod]
    [DeviceRows]
    public void Nothing_attends_to_nothing_and_few_keys_are_enough(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        foreach (AttentionOptions options in new[]
        {
            s_plain with { PostTalkingHeads = true }, s_plain with { Sigmoid = true }, s_plain with { CogSigned = true },
            s_plain with { InvertedAttention = true },
            s_plain with { Hard = true }, s_plain with { SparseTopk = 7, SparseTopkStraightThrough = true }, s_plain with { Selective = true, Causal = true },
        })
        {
            using var attention = new AttentionModule(options, device);
            string what = string.Join(", ", options.NeedScores);
            CollectionAssert.AreEqual(new float[24], attention.Forward(Input(device, [1, 2, 12], 1), Tensor.Zeros(device, [1, 0, 12])).ToArray(), what);
            Assert.AreEqual(new Shape(0, 2, 12), attention.Forward(Tensor.Zeros(device, [0, 2, 12]), Tensor.Zeros(device, [0, 3, 12])).Shape, what);
            Assert.AreEqual(new Shape(1, 0, 12), attention.Forward(Tensor.Zeros(device, [1, 0, 12]), Tensor.Zeros(device, [1, 3, 12])).Shape, what);
            float[] output = attention.Forward(Input(device, [2, 5, 12], 1), Input(device, [2, 2, 12], 2)).ToArray();
            Assert.IsTrue(Array.TrueForAll(output, float.IsFinite), what);
        }
    }

    [TestMethod]
    [DeviceRows]
    public void Numbers_of_hidden_keys_change_nothing(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var attention = new AttentionModule(s_plain with { CogSigned = true, PreTalkingHeads = true, PreScalePostTalkingHeads = true }, device);
        using StepScope step = device.BeginStep();
        float[] values = GradientCheck.Values(36, 1), others = [.. values];
        others.AsSpan(24).Fill(1e6f);
        Tensor seen = Tensor.From(device, [1, 3], [true, true, false]), x = Input(device, [1, 2, 12], 2);
        CollectionAssert.AreEqual(
            attention.Forward(x, Tensor.From(device, [1, 3, 12], values), contextMask: seen).ToArray(),
            attention.Forward(x, Tensor.From(device, [1, 3, 12], others), contextMask: seen).ToArray());
    }

    [TestMethod]
    [DeviceRows(DType.BFloat16), DeviceRows(DType.Float16)]
    public void Two_byte_models_keep_their_scores_in_float32(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var exact = new AttentionModule(s_plain with { Sigmoid = true, PreTalkingHeads = true }, device, seed: 1);
        using var rounded = new AttentionModule(s_plain with { Sigmoid = true, PreTalkingHeads = true }, device, seed: 1, dtype);
        using StepScope step = device.BeginStep();
        Tensor x = Input(device, [1, 5, 12], 1);
        Tensor output = rounded.Forward(Operators.Cast(x, dtype));
        Assert.AreEqual(dtype, output.DType);
        Near(exact.Forward(x), Operators.Cast(output, DType.Float32), dtype == DType.Float16 ? 5e-3f : 4e-2f, "output");
    }

    [TestMethod]
    public void What_cannot_be_fused_is_refused_where_that_is_required()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Assert.Contains(
            "RequireFused = true, but PreTalkingHeads and Sigmoid need the scores as a matrix",
            Assert.ThrowsExactly<ArgumentException>(()
                => new AttentionModule(s_plain with { RequireFused = true, PreTalkingHeads = true, Sigmoid = true }, device)).Message);
        Assert.Contains(
            "HeadLearnedSink with SoftclampLogits needs the scores",
            Assert.ThrowsExactly<ArgumentException>(
                () => new Attend(new AttendOptions { Heads = 2, RequireFused = true, HeadLearnedSink = true, SoftclampLogits = true }, device)).Message);
        using var fused = new AttentionModule(s_plain with { RequireFused = true, L2Distance = true, HeadLearnedSink = true, AddZeroKv = true, Laser = true },
            device);
        Assert.IsTrue(fused.IsFused);
        var options = new AttentionLayersOptions { Dim = 12, Depth = 1, Heads = 2, CrossAttend = true, CrossAttn = new() { InvertedAttention = true } };
        using var stack = new Encoder(options, device);
        AttentionFacts[] facts = [.. ModelFacts.Attentions(stack)];
        Assert.IsTrue(facts[0].IsFused);
        Assert.AreEqual("layers.1.1", facts[1].Path);
        CollectionAssert.AreEqual(new[] { "InvertedAttention" }, facts[1].NeedScores.ToArray());
    }

    [TestMethod]
    public void What_contradicts_itself_is_refused()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Refused("CogSigned and InvertedAttention exclude each other", new AttentionModule(s_plain, device),
            s_plain with { CogSigned = true, InvertedAttention = true });
        Refused("Sigmoid and L2Distance", new AttentionModule(s_plain, device), s_plain with { Sigmoid = true, L2Distance = true });
        Refused("Hard and SparseTopk", new AttentionModule(s_plain, device), s_plain with { Hard = true, SparseTopk = 2 });
        Refused("Selective hides keys", new AttentionModule(s_plain, device), s_plain with { Selective = true });
        Refused("needs it", new AttentionModule(s_plain, device), s_plain with { SparseTopkStraightThrough = true });
        Refused("need 3", new AttentionModule(s_plain, device), s_plain with { DimHead = 254, L2Distance = true, HeadLearnedSink = true });
        Assert.Contains("Heads is missing",
            Assert.ThrowsExactly<ArgumentException>(() => new Attend(new AttendOptions { PreTalkingHeads = true }, device)).Message);

        Assert.Contains(
            "not zero",
            Assert.ThrowsExactly<ArgumentException>(() => new Attend(new AttendOptions { Heads = 2, HeadLearnedSink = true, Scale = 0f }, device)).Message);

        void Refused(string message, AttentionModule right, AttentionOptions wrong)
        {
            using (right)
                Assert.Contains(message, Assert.ThrowsExactly<ArgumentException>(() => new AttentionModule(wrong, device)).Message);
        }
    }

    private static Tensor Input(ComputeDevice device, Shape shape, int seed)
    {
        Tensor x = Tensor.From(device, shape, GradientCheck.Values((int)shape.Count, seed));
        x.RequiresGradient = true;
        return x;
    }

    private static void Near(Tensor expected, Tensor actual, float tolerance, string what)
    {
        float[] wanted = expected.ToArray(), got = actual.ToArray();
        Assert.HasCount(wanted.Length, got);
        for (int i = 0; i < wanted.Length; i++)
            Assert.AreEqual(wanted[i], got[i], tolerance * Math.Max(1f, Math.Abs(wanted[i])), $"{what}, element {i}");
    }
}
