using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Several streams of tokens.</summary>
[TestClass]
public sealed class MultiInputTests
{
    private const int Dim = 8;

    private static readonly AttentionLayersOptions s_stack = new() { Dim = Dim, Depth = 1, Heads = 2, Attn = new() { DimHead = 4 } };

    private static readonly MultiInputTransformerWrapperOptions s_options = new()
    {
        NumTokens = new Dictionary<string, int> { ["note"] = 7, ["pitch"] = 5 }, MaxSeqLen = 6,
    };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod, DeviceRows]
    public void Embeddings_are_summed_and_each_stream_has_its_logits(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using MultiInputTransformerWrapper model = Create(device, s_options with { UseAbsPosEmb = false, NumMemoryTokens = 2 });
        var inputs = new MultiTokenInputs(Streams(device, 4));
        IReadOnlyDictionary<string, Tensor> logits = model.Forward(inputs);
        Assert.AreEqual(new Shape(1, 4, 7), logits["note"].Shape);
        Assert.AreEqual(new Shape(1, 4, 5), logits["pitch"].Shape);
        Tensor sum = Operators.Embedding(Parameter(model, "embeds.note_embed.weight"), inputs.Ids["note"])
            + Operators.Embedding(Parameter(model, "embeds.pitch_embed.weight"), inputs.Ids["pitch"]);
        Tensor y = model.AttnLayers.Forward(Operators.Concatenate(Parameter(model, "memory_tokens").Reshape([1, 2, Dim]), sum)).Narrow(1, 2, 4);
        AssertClose(y.ToArray(), model.Embeddings(inputs).ToArray());
        AssertClose(Operators.Linear(y, Parameter(model, "to_logits.pitch.weight")).ToArray(), logits["pitch"].ToArray());
        Dictionary<string, Tensor> named = inputs.Ids.ToDictionary(static stream => $"x.{stream.Key}", static stream => stream.Value);
        float[] beside = model.Invoke(new CallArguments(named)).ToArray();
        CollectionAssert.AreEqual(Operators.Concatenate([logits["note"], logits["pitch"]], -1).ToArray(), beside);
    }

    [TestMethod]
    public void Hidden_tokens_change_nothing_and_every_option_acts()
    {
        using StepScope step = Cpu.BeginStep();
        MultiInputTransformerWrapperOptions options = s_options with { EmbDim = 6, PostEmbNorm = true, NumMemoryTokens = 1, EmbFracGradient = 0.5f };
        foreach (int? every in new int?[] { null, 3 })
        {
            using MultiInputTransformerWrapper model = Create(Cpu, options with { MemoryTokensInterspersedEvery = every });
            Tensor mask = Tensor.From(Cpu, [1, 4], [false, true, true, true]), prefix = Tensor.Zeros(Cpu, [1, 2, 6]);
            float[] Run(int first) => model.Embeddings(new MultiTokenInputs(Streams(Cpu, 4, first)) { Mask = mask, PrependEmbeds = prefix }).ToArray();
            Assert.HasCount(6 * Dim, Run(1));
            CollectionAssert.AreEqual(Run(1)[(3 * Dim)..], Run(2)[(3 * Dim)..]);
            CollectionAssert.AreNotEqual(Run(1)[(2 * Dim)..], Run(2)[(2 * Dim)..]);
        }

        string[] names;
        using (MultiInputTransformerWrapper model = Create(Cpu, options with { ReturnOnlyEmbed = true, ScaledSinuPosEmb = true }))
        {
            names = [.. model.NamedParameters().Select(static p => p.Name)];
            AssertSays("ReturnOnlyEmbed", () => model.Forward(new MultiTokenInputs(Streams(Cpu, 4))));
        }

        CollectionAssert.IsSubsetOf(new[] { "memory_tokens", "pos_emb.scale", "post_emb_norm.gamma", "project_emb.bias" }, names);
        Assert.IsFalse(names.Any(static name => name.StartsWith("to_logits", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Bad_input_is_named()
    {
        using StepScope step = Cpu.BeginStep();
        AssertSays("NumTokens names no stream", () => Create(Cpu, s_options with { NumTokens = new Dictionary<string, int>() }).Dispose());
        AssertSays("NumTokens[note] = 0", () => Create(Cpu, s_options with { NumTokens = new Dictionary<string, int> { ["note"] = 0 } }).Dispose());
        using MultiInputTransformerWrapper model = Create(Cpu, s_options);
        Dictionary<string, Tensor> streams = Streams(Cpu, 4);
        AssertSays("MaxSeqLen = 6", () => model.Forward(new MultiTokenInputs(Streams(Cpu, 7))));
        streams["pitch"] = Ids(Cpu, [1, 3], 1, 2, 3);
        AssertSays("[1, 3] for 'pitch'", () => model.Forward(new MultiTokenInputs(streams)));
        streams.Remove("pitch");
        AssertSays("the model needs note, pitch", () => model.Forward(new MultiTokenInputs(streams)));
        const string Json = """
            {"class": "MultiInputTransformerWrapper", "kwargs": {"num_tokens": {"a": 4}, "max_seq_len": 4, "attn_layers": {"class": "Decoder",
             "kwargs": {"dim": 8, "depth": 1, "heads": 2}}}}
            """;
        using Module built = ModuleFactory.Create(Json, Cpu);
        Assert.IsTrue(built.NamedParameters().Any(static p => p.Name == "to_logits.a.weight"));
    }

    private static MultiInputTransformerWrapper Create(ComputeDevice device, MultiInputTransformerWrapperOptions options)
        => new(options, new Decoder(s_stack, device, seed: 5), seed: 7);

    private static Dictionary<string, Tensor> Streams(ComputeDevice device, int length, int first = 1) => new()
    {
        ["note"] = Ids(device, [1, length], [first, .. Enumerable.Range(1, length - 1).Select(static i => i % 7)]),
        ["pitch"] = Ids(device, [1, length], [.. Enumerable.Range(0, length).Select(static i => i % 5)]),
    };

    private static Tensor Parameter(MultiInputTransformerWrapper model, string name) => model.NamedParameters().Single(p => p.Name == name).Value;
}
