using System.Text.Json;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Who sees the future depends on the stack alone, not on the door by which it is entered.</summary>
[TestClass]
public sealed class CausalityTests
{
    private const int Length = 6, Dim = 16, Tokens = 9, Context = 8;

    private static readonly AttentionLayersOptions s_options = new() { Dim = Dim, Depth = 2, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 1 } };

    private static readonly Dictionary<string, Func<ComputeDevice, AttentionLayers>> s_stacks = new()
    {
        ["Encoder"] = static device => new Encoder(s_options, device, 1),
        ["Decoder"] = static device => new Decoder(s_options, device, 1),
        ["PrefixDecoder"] = static device => new PrefixDecoder(s_options, device, 1),
        ["PrefixDecoder, ALiBi"] = static device => new PrefixDecoder(s_options with { AlibiPosBias = true }, device, 1),
        ["PrefixDecoder, crossing"] = static device => new PrefixDecoder(
            s_options with { CrossAttend = true, CrossAttn = s_options.Attn with { DimContext = Context } }, device, 1),
        ["PrefixDecoder, memory"] = static device => new PrefixDecoder(s_options with { Attn = s_options.Attn with { NumMemKv = 2 } }, device, 1),
        ["CrossAttender"] = static device => new CrossAttender(s_options with { CrossAttn = s_options.Attn with { DimContext = Context } }, device, 1),
        ["TransformerBlock"] = static device => new TransformerBlock(s_options, device, 1),
        ["TransformerBlock, causal"] = static device => new TransformerBlock(s_options with { Causal = true }, device, 1),
        ["AttentionLayers"] = static device => new AttentionLayers(s_options, device, 1),
        ["AttentionLayers, causal"] = static device => new AttentionLayers(s_options with { Causal = true }, device, 1),
        ["AttentionLayers, blind"] = static device => new AttentionLayers(s_options with { CustomLayers = ["f", "f"], Depth = null }, device, 1),
    };

    private static readonly string[] s_seeing = ["Encoder", "TransformerBlock", "AttentionLayers"];

    [TestMethod]
    [DeviceRows]
    public void A_stack_sees_as_far_through_each_of_its_doors(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach ((string name, Func<ComputeDevice, AttentionLayers> create) in s_stacks)
        {
            using AttentionLayers stack = create(device);
            foreach ((string door, Func<AttentionLayers, Tensor, Tensor> enter) in Doors(device))
                AssertSight(name, door, device, x => enter(stack, x), Vectors(device, 0f), Vectors(device, 1f));
        }
    }

    [TestMethod]
    [DeviceRows]
    public void A_stack_sees_as_far_within_a_wrapper(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach ((string name, Func<ComputeDevice, AttentionLayers> create) in s_stacks)
        {
            using var model = new TransformerWrapper(new() { NumTokens = Tokens, MaxSeqLen = Length, NumMemoryTokens = 2 }, create(device), 2);
            Tensor? context = ContextOf(model.AttnLayers);
            (Tensor ids, Tensor other) = (Ids(device, [1, Length], 1, 2, 3, 4, 5, 6), Ids(device, [1, Length], 1, 2, 3, 4, 5, 7));
            AssertSight(name, "TransformerWrapper.Forward", device, x => model.Forward(x, context: context), ids, other);
            AssertSight(name, "TransformerWrapper.Embeddings", device, x => model.Embeddings(new TokenInputs(x) { Context = context }), ids, other);
            AssertSight(
                name,
                "TransformerWrapper.LogitsAndEmbeddings",
                device,
                x => model.LogitsAndEmbeddings(new TokenInputs(x) { Context = context }).Logits,
                ids,
                other);
            using var continuous = new ContinuousTransformerWrapper(new() { MaxSeqLen = Length }, create(device), 2);
            AssertSight(name, "ContinuousTransformerWrapper", device, x => continuous.Forward(x, context: context), Vectors(device, 0f), Vectors(device, 1f));
            if (s_seeing.Contains(name))
                continue;
            using var autoregressive = new AutoregressiveWrapper(new TransformerWrapper(new() { NumTokens = Tokens, MaxSeqLen = Length }, create(device), 2));
            AssertSight(name, "AutoregressiveWrapper", device, x => autoregressive.LossAndLogits(new TokenInputs(x) { Context = context }).Logits, ids, other);
        }
    }

    [TestMethod]
    public void What_sees_the_future_is_not_trained_on_it()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        foreach (string name in s_seeing)
        {
            using var model = new TransformerWrapper(new() { NumTokens = Tokens, MaxSeqLen = Length }, s_stacks[name](device), 2);
            AssertSays($"{name} whose self-attention sees later tokens", () => _ = new AutoregressiveWrapper(model));
        }
    }

    [TestMethod]
    [DeviceRows]
    public void A_prefix_decoder_without_a_prefix_is_a_decoder(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var prefix = new PrefixDecoder(s_options, device, 1);
        using var decoder = new Decoder(s_options, device, 1);
        Tensor x = Vectors(device, 0f), pairs = Tensor.From(device, [Length, Length], [.. Enumerable.Range(0, Length * Length).Select(static i => i % 5 != 1)]);
        float[] expected = decoder.Forward(x).ToArray();
        CollectionAssert.AreEqual(expected, prefix.Forward(x).ToArray());
        CollectionAssert.AreEqual(expected, prefix.Forward(x, []).ToArray());
        CollectionAssert.AreEqual(expected, prefix.Forward(x, [1]).ToArray());
        CollectionAssert.AreEqual(
            decoder.Forward(x, attnMask: pairs).ToArray(),
            prefix.Forward(x, attnMask: pairs).ToArray(),
            "A mask of the caller's hides more, it opens nothing.");
    }

    [TestMethod]
    [DeviceRows]
    public void A_prefix_opens_what_a_mask_of_pairs_leaves_open(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var prefix = new PrefixDecoder(s_options, device, 1);
        using var encoder = new Encoder(s_options, device, 1);
        float[] data = [.. Enumerable.Range(0, 2 * Length * Dim).Select(static i => MathF.Sin(i))];
        Tensor x = Tensor.From(device, [2, Length, Dim], data);
        int[] lengths = [3, 5];
        static bool Given(int head, int query, int key) => (query + 2 * key + head) % 4 != 0;
        var given = new bool[2 * Length * Length];
        var seen = new bool[2 * 2 * Length * Length];
        for (int i = 0; i < seen.Length; i++)
        {
            int sample = i / (2 * Length * Length), head = i / (Length * Length) % 2, query = i / Length % Length, key = i % Length;
            given[i % given.Length] = Given(head, query, key);
            seen[i] = (key <= query || key < lengths[sample]) && Given(head, query, key);
        }

        float[] expected = encoder.Forward(x, attnMask: Tensor.From(device, [2, 2, Length, Length], seen)).ToArray();
        CollectionAssert.AreEqual(expected, prefix.Forward(x, lengths, attnMask: Tensor.From(device, [2, Length, Length], given)).ToArray());
    }

    [TestMethod]
    public void Prefixes_that_do_not_fit_are_named()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        using var prefix = new PrefixDecoder(s_options, device, 1);
        Tensor x = Vectors(device, 0f);
        AssertSays("holds -1, but a prefix", () => prefix.Forward(x, [-1]));
        AssertSays("holds 7, but a prefix", () => prefix.Forward(x, [Length + 1]));
        AssertSays("2 lengths", () => prefix.Forward(x, [1, 2]));
        Tensor far = Tensor.From(device, [1], [1L << 32]);
        AssertSays("holds 4294967296, but", () => prefix.Invoke(new CallArguments(new Dictionary<string, Tensor> { ["x"] = x, ["prefix_attn_len"] = far })));
    }

    // The last vector differs, all others are the same.
    private static Tensor Vectors(ComputeDevice device, float last)
    {
        float[] values = [.. Enumerable.Range(0, Length * Dim).Select(static i => MathF.Sin(i))];
        values[^1] += last;
        return Tensor.From(device, [1, Length, Dim], values);
    }

    private static Tensor? ContextOf(AttentionLayers stack) => stack.Options.CrossAttend ? Tensor.Zeros(stack.Device, [1, 2, Context]) : null;

    private static Dictionary<string, Func<AttentionLayers, Tensor, Tensor>> Doors(ComputeDevice device) => new()
    {
        ["Forward(x)"] = static (stack, x) => stack.Forward(x, ContextOf(stack)),
        ["Forward(x, mask)"] = (stack, x) => stack.Forward(x, ContextOf(stack), mask: Open(device, [1, Length])),
        ["Forward(x, attnMask)"] = (stack, x) => stack.Forward(x, ContextOf(stack), attnMask: Open(device, [Length, Length])),
        ["Forward(x, selfAttnKvMask)"] = (stack, x) => stack.Forward(x, ContextOf(stack), selfAttnKvMask: Open(device, [1, Length])),
        ["Forward(x, attnBias)"] = (stack, x) => stack.Options.AlibiPosBias
            ? stack.Forward(x)
            : stack.Forward(x, ContextOf(stack), attnBias: Tensor.Zeros(device, [Length, Length])),
        ["Forward(x, hiddens)"] = static (stack, x) =>
        {
            List<Tensor> hiddens = [];
            stack.Forward(x, ContextOf(stack), hiddens: hiddens);
            return hiddens[^1];
        },
        ["Forward(x, prefix)"] = static (stack, x) => stack is PrefixDecoder decoder
            ? decoder.Forward(x, [], ContextOf(stack))
            : stack.Forward(x, ContextOf(stack)),
        ["Invoke"] = static (stack, x) => stack.Invoke(new CallArguments(new Dictionary<string, Tensor> { ["x"] = x, ["context"] = ContextOf(stack)! })),
        ["Invoke(attn_mask)"] = (stack, x) => stack.Invoke(new CallArguments(
            new Dictionary<string, Tensor> { ["x"] = x, ["context"] = ContextOf(stack)!, ["attn_mask"] = Open(device, [Length, Length]) },
            JsonDocument.Parse("{}").RootElement)),
    };

    private static Tensor Open(ComputeDevice device, Shape shape) => Tensor.From(device, shape, Enumerable.Repeat(true, (int)shape.Count).ToArray());

    private static void AssertSight(string name, string door, ComputeDevice device, Func<Tensor, Tensor> run, Tensor first, Tensor second)
    {
        using StepScope step = device.BeginStep();
        Tensor result = run(first);
        int width = result.Shape[^1];
        float[] one = result.ToArray(), two = run(second).ToArray();
        bool differs = !one.AsSpan(0, (Length - 1) * width).SequenceEqual(two.AsSpan(0, (Length - 1) * width));
        Assert.AreEqual(s_seeing.Contains(name), differs, $"{name}, {door}: a later position {(differs ? "changes" : "does not change")} earlier outputs.");
    }
}
