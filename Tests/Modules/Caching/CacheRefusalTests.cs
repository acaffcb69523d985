using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules.Caching;

/// <summary>What no cache can stand for is refused before anything is launched.</summary>
[TestClass]
public sealed class CacheRefusalTests
{
    private static readonly AttentionLayersOptions s_plain = CacheCases.Stack with { Depth = 1 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    [DataRow("encoder", "the stack is not causal")]
    [DataRow("prefix", "the stack is not causal")]
    [DataRow("selective", "need the queries of earlier positions")]
    [DataRow("inverted", "need the queries of earlier positions")]
    [DataRow("per row", "need the queries of earlier positions")]
    [DataRow("second layer", "need the queries of earlier positions")]
    [DataRow("orthogonal residual", "look at whole sequences")]
    [DataRow("mean split", "look at whole sequences")]
    [DataRow("orthogonal values", "look at whole sequences")]
    public void A_stack_in_which_earlier_positions_change_takes_no_cache(string what, string message)
    {
        AttentionOptions attn = s_plain.Attn;
        using StepScope step = Cpu.BeginStep();
        using AttentionLayers stack = what switch
        {
            "encoder" => new Encoder(s_plain, Cpu),
            "prefix" => new PrefixDecoder(s_plain, Cpu),
            "selective" => new Decoder(s_plain with { Attn = attn with { Selective = true } }, Cpu),
            "inverted" => new Decoder(s_plain with { Attn = attn with { InvertedAttention = true } }, Cpu),
            "per row" => new Decoder(s_plain with { Attn = attn with { DataDependentAlibi = true, DataDependentAlibiPerRow = true } }, Cpu),
            "second layer" => new Decoder(s_plain with { Depth = 2, AttnEach = [attn, attn with { Selective = true }] }, Cpu),
            "orthogonal residual" => new Decoder(s_plain with { OrthogResidual = true }, Cpu),
            "mean split" => new Decoder(s_plain with { MvSplitResidual = true }, Cpu),
            _ => new Decoder(s_plain with { Attn = attn with { OrthogProjectedValues = true } }, Cpu),
        };
        using var cache = new KeyValueCache();
        Refuses(message, stack, Numbers(2, 3), new StackInputs { Cache = cache });
        Assert.AreEqual(0, cache.Bytes);
    }

    [TestMethod]
    public void A_call_that_does_not_continue_the_cache_is_refused()
    {
        using StepScope step = Cpu.BeginStep();
        using var stack = new Decoder(s_plain with { AlibiPosBias = true }, Cpu);
        using var cache = new KeyValueCache();
        var inputs = new StackInputs { Cache = cache };
        stack.Forward(Numbers(2, 3), inputs);
        Refuses("'cache' holds 2 sequences, but 'x' is [1, 1, 16]; Select makes rows fit.", stack, Numbers(1, 1), inputs);
        Refuses("'mems' was passed, but the cache holds positions already", stack, Numbers(2, 1), inputs with { Mems = [Numbers(2, 3)] });
        Refuses("ALiBi would need the positions of all keys", stack, Numbers(2, 1), inputs with { Pos = Tensor.From(Cpu, [1], [3f]) });
        Refuses("'mask' has shape [2, 1], but it needs [2, 4]", stack, Numbers(2, 1), inputs with { Mask = Tensor.From(Cpu, [2, 1], [true, true]) });
        Refuses(
            "'selfAttnKvMask' has shape [2, 1], but it needs [2, 4]",
            stack, Numbers(2, 1), inputs with { SelfAttnKvMask = Tensor.From(Cpu, [2, 1], [true, true]) });
        Assert.AreEqual(3, cache.Length);
    }

    [TestMethod]
    public void Where_gradients_are_recorded_nothing_is_cached()
    {
        using StepScope step = Cpu.BeginStep();
        using var stack = new Decoder(s_plain, Cpu);
        using var cache = new KeyValueCache();
        Tensor x = Numbers(2, 3);
        using StepScope tape = Cpu.BeginTape();
        Assert.Contains(
            "A cache is for inference", Assert.ThrowsExactly<InvalidOperationException>(() => stack.Forward(x, new StackInputs { Cache = cache })).Message);
        using (Cpu.NoGradient())
            stack.Forward(x, new StackInputs { Cache = cache });
        Assert.AreEqual(3, cache.Length);
    }

    [TestMethod]
    [DataRow("recycled", "recycles, loops or has memory tokens in between")]
    [DataRow("looped", "recycles, loops or has memory tokens in between")]
    [DataRow("interspersed", "recycles, loops or has memory tokens in between")]
    [DataRow("averaged", "a model that pools its tokens needs all of them")]
    [DataRow("class token", "a model that pools its tokens needs all of them")]
    [DataRow("encoder", "the stack is not causal")]
    public void A_model_that_needs_all_tokens_again_takes_no_cache(string what, string message)
    {
        using StepScope step = Cpu.BeginStep();
        var options = new TransformerWrapperOptions { NumTokens = 9, MaxSeqLen = 8 };
        options = what switch
        {
            "recycled" => options with { Recycling = true },
            "looped" => options with { Looped = true },
            "interspersed" => options with { NumMemoryTokens = 1, MemoryTokensInterspersedEvery = 2 },
            "averaged" => options with { AveragePoolEmbed = true },
            "class token" => options with { UseClsToken = true },
            _ => options,
        };
        using var model = new TransformerWrapper(
            options, what == "encoder" ? new Encoder(s_plain, Cpu) : new Decoder(s_plain with { PreAndPostNorm = what == "looped" }, Cpu));
        using var cache = new KeyValueCache();
        AssertSays(message, () => model.Forward(new TokenInputs(Ids(Cpu, [1, 2], 1, 2)) { Cache = cache, RecycleSteps = what == "recycled" ? 2 : null }));
    }

    [TestMethod]
    public void A_model_says_what_comes_too_late_or_too_far()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new TransformerWrapper(new() { NumTokens = 9, MaxSeqLen = 4 }, new Decoder(s_plain, Cpu));
        using var cache = new KeyValueCache();
        TokenInputs inputs = new(Ids(Cpu, [1, 2], 1, 2)) { Cache = cache };
        model.Forward(inputs);
        AssertSays("a prefix stands before the first of them", () => model.Forward(inputs with { PrependEmbeds = Numbers(1, 2) }));
        AssertSays("[1, 3]: 5 tokens with those of the cache", () => model.Forward(inputs with { Ids = Ids(Cpu, [1, 3], 1, 2, 3) }));
        AssertSays("'mask' has shape [1, 2], but it needs [1, 4]", () => model.Forward(inputs with { Mask = Tensor.From(Cpu, [1, 2], [true, true]) }));
        Assert.AreEqual(2, cache.Length);
        using var continuous = new ContinuousTransformerWrapper(new() { MaxSeqLen = 4 }, new Decoder(s_plain, Cpu));
        using var other = new KeyValueCache();
        AssertSays("'cache' was passed", () => continuous.Forward(new SequenceInputs(Numbers(1, 2)) { Cache = other }));
    }

    private static void Refuses(string message, AttentionLayers stack, Tensor x, StackInputs inputs)
    {
        long launches = Cpu.Statistics.Launches;
        AssertSays(message, () => stack.Forward(x, inputs));
        Assert.AreEqual(launches, Cpu.Statistics.Launches, "Nothing is launched.");
    }

    private static Tensor Numbers(int batch, int length) => CacheCases.Random(Cpu, 1, batch, length, CacheCases.Dim);
}
