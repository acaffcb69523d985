using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>Tokens to logits: what no golden file shows, and what is said when it is called wrongly.</summary>
[TestClass]
public sealed class TransformerWrapperTests
{
    private const int Tokens = 11, Dim = 16;

    private static readonly AttentionLayersOptions s_stack = new() { Dim = Dim, Depth = 2, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 2 } };

    private static readonly TransformerWrapperOptions s_options = new() { NumTokens = Tokens, MaxSeqLen = 12 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    public void A_small_GPT_has_x_transformers_keys()
    {
        using var model = new TransformerWrapper(new() { NumTokens = 1000, MaxSeqLen = 128 }, new Decoder(new() { Dim = 128, Depth = 2, Heads = 2 }, Cpu));
        (string Name, Tensor Value)[] parameters = [.. model.NamedParameters()];
        Assert.HasCount(24, parameters);
        Assert.AreEqual(667_520, model.ParameterCount);
        Assert.AreEqual("token_emb.emb.weight", parameters[0].Name);
        Assert.AreEqual("pos_emb.emb.weight", parameters[1].Name);
        Assert.AreEqual("attn_layers.layers.0.0.0.gamma", parameters[2].Name);
        Assert.AreEqual("to_logits.weight", parameters[^1].Name);
        Assert.AreEqual(Math.Sqrt(2.0 / 128), Math.Sqrt(parameters[0].Value.ToArray().Average(static v => (double)v * v)), 1e-3);
        CollectionAssert.AreNotEqual(parameters[0].Value.ToArray()[..64], parameters[1].Value.ToArray()[..64]);
    }

    [TestMethod, DeviceRows]
    public void Left_padding_changes_nothing(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using TransformerWrapper model = Build(device, s_options with { NumMemoryTokens = 2 }, causal: true);
        float[] alone = model.Forward(Ids(device, [1, 3], 4, 5, 6)).ToArray();
        Tensor padded = Ids(device, [2, 5], 9, 9, 4, 5, 6, 1, 2, 3, 4, 5);
        float[] values = model.Forward(new TokenInputs(padded) { SeqStartPos = Tensor.From(device, [2], [2, 0]) }).ToArray();
        AssertClose(alone, values[(2 * Tokens)..(5 * Tokens)]);
        float[] second = model.Forward(Ids(device, [1, 5], 1, 2, 3, 4, 5)).ToArray();
        AssertClose(second, values[(5 * Tokens)..]);
    }

    [TestMethod, DeviceRows]
    public void Hidden_tokens_behind_memory_and_prefix_change_nothing(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using TransformerWrapper model = Build(device, s_options with { NumMemoryTokens = 2 });
        Tensor prefix = Tensor.From(device, [1, 1, Dim], [.. Enumerable.Range(0, Dim).Select(static i => 0.1f * i)]);
        Tensor mask = Tensor.From(device, [1, 4], [true, true, true, false]);
        float[] Run(int last, bool excise) => model.Forward(
            new TokenInputs(Ids(device, [1, 4], 1, 2, 3, last)) { Mask = mask, PrependEmbeds = prefix, ExcisePrependEmbeds = excise }).ToArray();
        float[] whole = Run(4, false), other = Run(5, false);
        Assert.HasCount(5 * Tokens, whole);
        CollectionAssert.AreEqual(whole[..(4 * Tokens)], other[..(4 * Tokens)]);
        AssertClose(whole[Tokens..], Run(4, true));

        // Without the mask the last token is seen.
        float[] seen = model.Forward(new TokenInputs(Ids(device, [1, 4], 1, 2, 3, 4)) { PrependEmbeds = prefix }).ToArray();
        CollectionAssert.AreNotEqual(whole[..(4 * Tokens)], seen[..(4 * Tokens)]);
    }

    [TestMethod, DeviceRows]
    public void A_hidden_prefix_is_no_prefix(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using TransformerWrapper model = Build(device, s_options);
        Tensor ids = Ids(device, [1, 3], 1, 2, 3), prefix = Tensor.From(device, [1, 2, Dim], [.. Enumerable.Range(0, 2 * Dim).Select(static i => 0.1f * i)]);
        var inputs = new TokenInputs(ids) { PrependEmbeds = prefix, PrependMask = Tensor.From(device, [1, 2], new bool[2]), ExcisePrependEmbeds = true };
        AssertClose(model.Forward(ids).ToArray(), model.Forward(inputs).ToArray());
    }

    [TestMethod, DeviceRows]
    public void Pooled_logits_are_of_the_mean_over_what_is_visible(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using TransformerWrapper model = Build(device, s_options with { AveragePoolEmbed = true }), tokens = Build(device, s_options);
        Tensor ids = Ids(device, [2, 3], 1, 2, 3, 4, 5, 6), mask = Tensor.From(device, [2, 3], [true, false, true, true, true, true]);
        float[] each = tokens.Embeddings(new TokenInputs(ids) { Mask = mask }).ToArray();
        var mean = new float[2 * Dim];
        for (int c = 0; c < Dim; c++)
        {
            mean[c] = (each[c] + each[2 * Dim + c]) / 2;
            mean[Dim + c] = (each[3 * Dim + c] + each[4 * Dim + c] + each[5 * Dim + c]) / 3;
        }

        AssertClose(mean, model.Embeddings(new TokenInputs(ids) { Mask = mask }).ToArray());
        Assert.AreEqual(new Shape(2, Tokens), model.Forward(ids, mask).Shape);
    }

    [TestMethod]
    public void Logits_and_embeddings_are_those_of_the_single_calls()
    {
        using StepScope step = Cpu.BeginStep();
        using TransformerWrapper model = Build(Cpu, s_options with { UseClsToken = true, NumClsTokens = 2, LogitsDim = 3 });
        var inputs = new TokenInputs(Ids(Cpu, [2, 3], 1, 2, 3, 4, 5, 6));
        (Tensor logits, Tensor embeddings) = model.LogitsAndEmbeddings(inputs);
        Assert.AreEqual(new Shape(2, 2, 3), logits.Shape);
        Assert.AreEqual(new Shape(2, 2, Dim), embeddings.Shape);
        CollectionAssert.AreEqual(model.Forward(inputs).ToArray(), logits.ToArray());
        CollectionAssert.AreEqual(model.Embeddings(inputs).ToArray(), embeddings.ToArray());
    }

    [TestMethod, DeviceRows]
    public void The_second_of_two_outputs_is_x_transformers_too(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        (Module wrapper, SafetensorsReader wrapperFile) = GoldenModels.Load(device, "wrapper_dec__return_logits_and_embeddings");
        (Module trainer, SafetensorsReader trainerFile) = GoldenModels.Load(device, "ar__return_outputs");
        using (wrapper)
        using (wrapperFile)
        {
            (_, Tensor embeddings) = ((TransformerWrapper)wrapper).LogitsAndEmbeddings(new TokenInputs(wrapperFile.ReadTensor("input.x", device)));
            AssertClose(wrapperFile.ReadSingles("output.embeddings"), embeddings.ToArray());
        }

        using (trainer)
        using (trainerFile)
        {
            (_, Tensor logits) = ((AutoregressiveWrapper)trainer).LossAndLogits(new TokenInputs(trainerFile.ReadTensor("input.x", device)));
            Assert.AreEqual(trainerFile["output.logits"].Shape, logits.Shape);
            AssertClose(trainerFile.ReadSingles("output.logits"), logits.ToArray());
        }
    }

    [TestMethod, DeviceRows]
    public void A_tied_table_is_one_tensor_and_learns_from_both_uses(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using TransformerWrapper model = Build(device, s_options with { TieEmbedding = true });
        Assert.IsFalse(model.NamedParameters().Any(static p => p.Name.StartsWith("to_logits", StringComparison.Ordinal)));
        Tensor table = model.NamedParameters().First(static p => p.Name == "token_emb.emb.weight").Value;
        table.RequiresGradient = true;
        using StepScope tape = device.BeginTape();
        tape.Backward(Operators.SoftmaxCrossEntropy(model.Forward(Ids(device, [1, 2], 3, 4)), Ids(device, [1, 2], 4, 5)));
        float[] gradient = table.Gradient!.ToArray();
        table.ClearGradient();

        // Token 0 is never read: what reaches it comes through the logits alone, and sums to what the softmax gave it. Token 3 is read too.
        Assert.IsTrue(gradient[..Dim].Any(static g => g != 0), "No gradient through the logits.");
        using StepScope inputOnly = device.BeginTape();
        Tensor logits = Operators.Linear(model.Embeddings(new TokenInputs(Ids(device, [1, 2], 3, 4))), table.Detach());
        inputOnly.Backward(Operators.SoftmaxCrossEntropy(logits, Ids(device, [1, 2], 4, 5)));
        float[] throughInput = table.Gradient!.ToArray();
        table.ClearGradient();
        Assert.IsTrue(throughInput[..Dim].All(static g => g == 0));
        Assert.IsTrue(throughInput[(3 * Dim)..(4 * Dim)].Zip(gradient[(3 * Dim)..(4 * Dim)]).Any(static g => g.First != 0 && g.First != g.Second));
    }

    [TestMethod]
    public void Bad_input_is_named()
    {
        using StepScope step = Cpu.BeginStep();
        using TransformerWrapper model = Build(Cpu, s_options);
        Tensor ids = Ids(Cpu, [2, 3], 1, 2, 3, 4, 5, 6);
        AssertSays("[batch, sequence]", () => model.Forward(Ids(Cpu, [3], 1, 2, 3)));
        AssertSays("Float32 [2, 3]", () => model.Forward(Tensor.Zeros(Cpu, [2, 3])));
        AssertSays("MaxSeqLen = 12", () => model.Forward(Tensor.From(Cpu, [1, 13], new int[13])));
        AssertSays("11", () => model.Forward(Ids(Cpu, [1, 1], Tokens)));
        AssertSays("'mask' has shape [2, 4]", () => model.Forward(ids, Tensor.From(Cpu, [2, 4], new bool[8])));
        AssertSays("'context' was passed", () => model.Forward(ids, context: Tensor.Zeros(Cpu, [2, 3, Dim])));
        AssertSays("'sumEmbeds' has shape", () => model.Forward(new TokenInputs(ids) { SumEmbeds = Tensor.Zeros(Cpu, [2, 3, 8]) }));
        AssertSays("'prependEmbeds' has shape", () => model.Forward(new TokenInputs(ids) { PrependEmbeds = Tensor.Zeros(Cpu, [1, 3, Dim]) }));
        AssertSays("no 'prependEmbeds'", () => model.Forward(new TokenInputs(ids) { ExcisePrependEmbeds = true }));
        AssertSays("knows none", () => model.Forward(new TokenInputs(ids) { EmbedIds = new Dictionary<string, Tensor> { ["typ"] = ids } }));
        AssertSays("'pos' is Int32 [4]", () => model.Forward(new TokenInputs(ids) { Pos = Ids(Cpu, [4], 0, 1, 2, 3) }));
        AssertSays("Give one of them", () => model.Forward(new TokenInputs(ids) { Pos = Ids(Cpu, [3], 0, 1, 2), SeqStartPos = Ids(Cpu, [2], 0, 1) }));
        AssertSays("integers [2]", () => model.Forward(new TokenInputs(ids) { SeqStartPos = Ids(Cpu, [3], 0, 1, 1) }));
        using TransformerWrapper blind = Build(Cpu, s_options with { UseAbsPosEmb = false });
        AssertSays("neither absolute positions nor ALiBi", () => blind.Forward(new TokenInputs(ids) { Pos = Ids(Cpu, [3], 0, 1, 2) }));
        using TransformerWrapper typed = Build(Cpu, s_options with { EmbedNumTokens = new Dictionary<string, int> { ["typ"] = 3 } });
        AssertSays("lacks 'typ'", () => typed.Forward(ids));
        using TransformerWrapper headless = Build(Cpu, s_options with { ReturnOnlyEmbed = true });
        AssertSays("no logits", () => headless.LogitsAndEmbeddings(new TokenInputs(ids)));
    }

    [TestMethod]
    public void Contradicting_options_are_named()
    {
        AssertSays("NumTokens = 0", () => Build(Cpu, s_options with { NumTokens = 0 }));
        AssertSays("EmbDim = 8", () => Build(Cpu, s_options with { TieEmbedding = true, EmbDim = 8 }));
        AssertSays("SqueezeOutLastDim", () => Build(Cpu, s_options with { SqueezeOutLastDim = true }));
        AssertSays("AveragePoolEmbed and UseClsToken", () => Build(Cpu, s_options with { AveragePoolEmbed = true, UseClsToken = true }));
        AssertSays("EmbFracGradient = 2", () => Build(Cpu, s_options with { EmbFracGradient = 2 }));
        AssertSays("half of the width", () => Build(Cpu, s_options with { EmbDim = 5, ScaledSinuPosEmb = true }));
        const string Later = """{"class": "TransformerWrapper", "kwargs": {"num_tokens": 5, "max_seq_len": 4, "token_emb": 1, "attn_layers": {"class": "Decoder", "kwargs": {"dim": 8, "depth": 1}}}}""";
        Assert.AreEqual("token_emb", Assert.ThrowsExactly<UnsupportedOptionException>(() => ModuleFactory.Create(Later, Cpu)).Option);
        AssertSays("num_token", () => ModuleFactory.Create(Later.Replace("token_emb", "num_token", StringComparison.Ordinal), Cpu));
        AssertSays("lack 'attn_layers'", () => ModuleFactory.Create("""{"class": "TransformerWrapper", "kwargs": {"num_tokens": 5, "max_seq_len": 4}}""", Cpu));
        AssertSays("wraps one module", () => ModuleFactory.Create("""{"class": "AutoregressiveWrapper", "kwargs": {}}""", Cpu));
    }

    internal static TransformerWrapper Build(ComputeDevice device, TransformerWrapperOptions options, bool causal = false)
        => new(options, causal ? new Decoder(s_stack, device, seed: 5) : new Encoder(s_stack, device, seed: 5), seed: 7);

    internal static Tensor Ids(ComputeDevice device, Shape shape, params int[] ids) => Tensor.From(device, shape, ids);

    internal static void AssertSays(string expected, Action call)
    {
        Exception exception = Assert.Throws<ArgumentException>(call);
        Assert.Contains(expected, exception.Message);
    }

    internal static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 2e-5f, $"element {i}");
    }
}
