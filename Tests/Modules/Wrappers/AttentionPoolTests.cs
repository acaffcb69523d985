using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Pooling by attention, on its own and at the end of a model.</summary>
[TestClass]
public sealed class AttentionPoolTests
{
    private static readonly AttentionPoolOptions s_pool = new() { Dim = 8, DimContext = 6, NumPooledTokens = 2, Heads = 2, DimHead = 4 };

    private static readonly TransformerWrapperOptions s_wrapper = new()
    {
        NumTokens = 11, MaxSeqLen = 12, AttnPool = true, NumPooledTokens = 3, DimPooledTokens = 10,
    };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod, DeviceRows]
    public void Hidden_positions_are_not_pooled(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        foreach (AttentionPoolOptions options in new[] { s_pool, s_pool with { Depth = 2 } })
        {
            using var pool = new AttentionPool(options, device);
            float[] numbers = [.. Enumerable.Range(0, 18).Select(static i => MathF.Sin(i))];
            Tensor whole = Tensor.From(device, [1, 3, 6], numbers), mask = Tensor.From(device, [1, 3], [true, true, false]);
            Tensor pooled = pool.Forward(whole, mask);
            Assert.AreEqual(new Shape(1, 2, 8), pooled.Shape);
            AssertClose(pool.Forward(whole.Narrow(1, 0, 2)).ToArray(), pooled.ToArray());
            CollectionAssert.AreNotEqual(pool.Forward(whole).ToArray(), pooled.ToArray());
        }
    }

    [TestMethod]
    public void Queries_can_be_passed_and_added()
    {
        using StepScope step = Cpu.BeginStep();
        Tensor context = Tensor.From(Cpu, [1, 2, 6], [.. Enumerable.Range(0, 12).Select(static i => MathF.Cos(i))]);
        Tensor queries = Tensor.From(Cpu, [1, 1, 8], [.. Enumerable.Range(0, 8).Select(static i => 0.5f * i)]);
        using var plain = new AttentionPool(s_pool with { NumPooledTokens = 0 }, Cpu);
        using var added = new AttentionPool(s_pool with { NumPooledTokens = 0, AddResidual = true, SqueezeOutput = true }, Cpu);
        Tensor squeezed = added.Forward(context, queries: queries);
        Assert.AreEqual(new Shape(1, 8), squeezed.Shape);
        AssertClose([.. plain.Forward(context, queries: queries).ToArray().Zip(queries.ToArray(), static (a, b) => a + b)], squeezed.ToArray());
        Assert.IsFalse(plain.NamedParameters().Any(static p => p.Name == "queries"));
        AssertSays("'queries' are missing", () => plain.Forward(context));
        AssertSays("[1, 1, 8]", () => added.Forward(context, queries: Tensor.Zeros(Cpu, [1, 2, 8])));
    }

    [TestMethod]
    public void More_options_reach_the_attention_of_either_kind()
    {
        foreach (int depth in new[] { 1, 2 })
        {
            using var pool = new AttentionPool(s_pool with { Depth = depth, AttnKwargs = new() { NumMemKv = 3 } }, Cpu);
            Assert.AreEqual(depth, pool.NamedParameters().Count(static p => p.Name.EndsWith("mem_k", StringComparison.Ordinal)));
        }
    }

    [TestMethod]
    public void A_model_pools_what_is_visible_behind_memory_and_prefix()
    {
        using StepScope step = Cpu.BeginStep();
        using TransformerWrapper model = Build(Cpu, s_wrapper with { NumMemoryTokens = 2 });
        Tensor mask = Tensor.From(Cpu, [1, 4], [true, true, true, false]), prefix = Tensor.From(Cpu, [1, 1, 16], [.. Enumerable.Repeat(0.5f, 16)]);
        TokenInputs Inputs(int last) => new(Ids(Cpu, [1, 4], 1, 2, 3, last)) { Mask = mask, PrependEmbeds = prefix };
        Tensor pooled = model.Forward(Inputs(4));
        Assert.AreEqual(new Shape(1, 3, 10), pooled.Shape);
        CollectionAssert.AreEqual(pooled.ToArray(), model.Forward(Inputs(5)).ToArray());
        CollectionAssert.AreEqual(pooled.ToArray(), model.PooledTokens(Inputs(4)).ToArray());
        Assert.AreEqual(new Shape(1, 5, 16), model.Embeddings(Inputs(4)).Shape);
    }

    [TestMethod]
    public void Around_a_causal_stack_there_are_logits_too()
    {
        using StepScope step = Cpu.BeginStep();
        using TransformerWrapper model = Build(Cpu, s_wrapper, causal: true);
        var inputs = new TokenInputs(Ids(Cpu, [1, 4], 1, 2, 3, 4));
        Assert.AreEqual(new Shape(1, 4, 11), model.Forward(inputs).Shape);
        Assert.AreEqual(new Shape(1, 3, 10), model.PooledTokens(inputs).Shape);
        using TransformerWrapper without = Build(Cpu, s_wrapper with { AttnPool = false });
        AssertSays("AttnPool = false", () => without.PooledTokens(inputs));
    }

    [TestMethod]
    public void Contradicting_options_are_named()
    {
        AssertSays("NumPooledTokens = -1", () => new AttentionPool(s_pool with { NumPooledTokens = -1 }, Cpu).Dispose());
        AssertSays("SqueezeOutput", () => new AttentionPool(s_pool with { SqueezeOutput = true }, Cpu).Dispose());
        AssertSays("Depth = 2", () => new AttentionPool(s_pool with { Depth = 2, UseTransformerBlocks = false }, Cpu).Dispose());
        AssertSays("AddResidual", () => new AttentionPool(s_pool with { UseTransformerBlocks = true, AddResidual = true }, Cpu).Dispose());
        AssertSays("AttnKwargs.Heads = 3", () => new AttentionPool(s_pool with { AttnKwargs = new() { Heads = 3 } }, Cpu).Dispose());
        AssertSays("AttnKwargs.DimHead = 5", () => new AttentionPool(s_pool with { AttnKwargs = new() { DimHead = 5 } }, Cpu).Dispose());
    }
}
