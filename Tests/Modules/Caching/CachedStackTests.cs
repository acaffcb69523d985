using GpuTransformer.Cli;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Verification;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>With a cache of keys and values a sequence may come in pieces: what comes out is the same.</summary>
[TestClass]
public sealed class CachedStackTests
{
    private const int Dim = 16, Length = 9;

    private static readonly AttentionLayersOptions s_options = new()
    {
        Dim = Dim, Depth = 2, Heads = 2, Causal = true, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 2 },
    };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    public void The_sweep_finds_no_difference_on_the_processor() => AssertSweep(Cpu, 7);

    [TestMethod, DeviceRows]
    public void A_part_of_the_sweep_finds_none_anywhere(string id) => AssertSweep(TestDevices.Get(id), 97);

    [TestMethod]
    [DataRow("shift"), DataRow("forgetting"), DataRow("forgetting memory"), DataRow("residual values"), DataRow("residual scores"), DataRow("streams")]
    [DataRow("latents"), DataRow("cope"), DataRow("distance"), DataRow("zero sink"), DataRow("unet"), DataRow("integrate"), DataRow("inject")]
    public void Options_of_the_stack_agree(string kind)
    {
        using StepScope step = Cpu.BeginStep();
        using var stack = new AttentionLayers(Options(kind), Cpu, 3);
        (Tensor x, float[] whole) = Whole(stack);
        using var cache = new KeyValueCache();
        AssertClose(whole, Pieces(stack, x, cache, 4, 1, 1, 3));
        Assert.AreEqual(Length, cache.Length);
        Assert.AreEqual(2, cache.Batch);
    }

    [TestMethod]
    public void Rows_are_chosen_positions_taken_back_and_all_forgotten()
    {
        using StepScope step = Cpu.BeginStep();
        using var stack = new AttentionLayers(s_options with { RotaryPosEmb = true }, Cpu, 3);
        (Tensor x, float[] whole) = Whole(stack);
        using var cache = new KeyValueCache(2);
        stack.Forward(x.Narrow(1, 0, 7), new StackInputs { Cache = cache });
        long bytes = cache.Bytes;
        Assert.IsGreaterThan(0, bytes);
        cache.Truncate(5);
        float[] rest = stack.Forward(x.Narrow(1, 5, 4), new StackInputs { Cache = cache }).ToArray();
        AssertClose([.. whole.Chunk(Length * Dim).SelectMany(static sample => sample[(5 * Dim)..])], rest);

        // Both rows are now the second.
        cache.Truncate(5);
        cache.Select([1, 1]);
        Tensor second = Operators.IndexSelect(x.Narrow(1, 5, 4), 0, Tensor.From(Cpu, [2], [1, 1]));
        float[] twice = stack.Forward(second, new StackInputs { Cache = cache }).ToArray();
        AssertClose(rest[(4 * Dim)..], twice[..(4 * Dim)]);
        CollectionAssert.AreEqual(twice[..(4 * Dim)], twice[(4 * Dim)..]);
        cache.Clear();
        Assert.AreEqual(0, cache.Length);
        AssertClose(whole, Pieces(stack, x, cache, 9));
        AssertSays("only 0 to 9 can stay", () => cache.Truncate(10));
        AssertSays("sequences 0 to 1", () => cache.Select([2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new KeyValueCache(-1));
    }

    [TestMethod]
    public void It_may_hold_shorter_numbers_and_grows_beyond_its_first_memory()
    {
        using StepScope step = Cpu.BeginStep();
        using var stack = new AttentionLayers(s_options with { RotaryPosEmb = true }, Cpu, 3);
        Tensor x = Numbers(1, [1, 200, Dim]);
        float[] whole = stack.Forward(x).ToArray();
        using KeyValueCache exact = new(), half = new(10, DType.BFloat16);
        int[] pieces = [.. Enumerable.Repeat(1, 200)];
        AssertClose(whole, Pieces(stack, x, exact, pieces));
        float[] rounded = Pieces(stack, x, half, pieces);
        double error = whole.Zip(rounded).Max(static v => Math.Abs(v.First - v.Second));
        Assert.IsLessThan(0.03, error);
        Assert.IsGreaterThan(1e-5, error, "It would be no bfloat16.");
        Assert.AreEqual(exact.Bytes / 2, half.Bytes);
    }

    [TestMethod]
    public void A_call_that_fails_changes_nothing()
    {
        using StepScope step = Cpu.BeginStep();
        using var stack = new AttentionLayers(s_options with { RotaryPosEmb = true }, Cpu, 3);
        (Tensor x, float[] whole) = Whole(stack);
        using var cache = new KeyValueCache();
        stack.Forward(x.Narrow(1, 0, 4), new StackInputs { Cache = cache });
        AssertSays("2 sequences", () => stack.Forward(Numbers(2, [3, 1, Dim]), new StackInputs { Cache = cache }));
        Tensor tooShort = Tensor.From(Cpu, [2, 1], [true, true]);
        AssertSays("'mask' has shape", () => stack.Forward(x.Narrow(1, 4, 1), new StackInputs { Cache = cache, Mask = tooShort }));
        float[] rest = stack.Forward(x.Narrow(1, 4, 5), new StackInputs { Cache = cache }).ToArray();
        AssertClose([.. whole.Chunk(Length * Dim).SelectMany(static sample => sample[(4 * Dim)..])], rest);
    }

    [TestMethod]
    public void What_needs_all_positions_is_refused_with_the_reason()
    {
        using StepScope step = Cpu.BeginStep();
        using var cache = new KeyValueCache();
        Tensor x = Numbers(1, [1, 2, Dim]);
        foreach ((AttentionLayersOptions options, string why) in new[]
        {
            (s_options with { Causal = false }, "not causal"), (s_options with { OrthogResidual = true }, "whole sequences"),
            (s_options with { Attn = new() { DimHead = 8, Selective = true } }, "Selective"),
            (s_options with { RotaryXpos = true, Attn = new() { DimHead = 8, NumMemKv = 1 } }, "RotaryXpos"),
        })
        {
            using var stack = new AttentionLayers(options, Cpu);
            AssertSays(why, () => stack.Forward(x, new StackInputs { Cache = cache }));
        }

        using var trained = new AttentionLayers(s_options, Cpu);
        x.RequiresGradient = true;
        using StepScope tape = Cpu.BeginTape();
        string message = Assert.ThrowsExactly<InvalidOperationException>(() => trained.Forward(x, new StackInputs { Cache = cache })).Message;
        Assert.Contains("for inference", message);
    }

    [TestMethod, DeviceRows]
    public void Room_behind_the_keys_is_not_read(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        foreach (int queries in new[] { 1, 20 })
        {
            Tensor query = Tensor.From(device, [2, queries, 16], Values(1, 2 * queries * 16));
            float[] keys = Values(2, 2 * 90 * 16), values = Values(3, 2 * 90 * 16);
            foreach (int sample in new[] { 0, 1 })
            {
                keys.AsSpan((sample * 90 + 80) * 16, 10 * 16).Fill(float.NaN);
                values.AsSpan((sample * 90 + 80) * 16, 10 * 16).Fill(float.NaN);
            }

            Tensor key = Tensor.From(device, [2, 90, 16], keys), value = Tensor.From(device, [2, 90, 16], values);
            var options = new ScoreOptions { Heads = 2, Causal = CausalAlignment.BottomRight };
            float[] expected = Operators.Attention(query, key.Narrow(1, 0, 80), value.Narrow(1, 0, 80), options).ToArray();
            CollectionAssert.AreEqual(expected, Operators.Attention(query, key, value, options with { KeyCount = 80 }).ToArray());
            AssertSays("KeyCount of 91", () => Operators.Attention(query, key, value, options with { KeyCount = 91 }));
        }
    }

    private static void AssertSweep(ComputeDevice device, int every)
    {
        CaseResult[] failed =
            [.. CacheCombination.All.Where((_, i) => i % every == 0).Select(c => c.Run(device)).Where(static r => r.Status != CaseStatus.Passed)];
        Assert.IsEmpty(failed, string.Join('\n', failed.Select(static r => $"{r.Name}: {r.Message}")));
    }

    private static AttentionLayersOptions Options(string kind)
    {
        AttentionOptions attn = s_options.Attn;
        return kind switch
        {
            "shift" => s_options with { ShiftTokens = 2 },
            "forgetting" => s_options with { Attn = attn with { DataDependentAlibi = true } },
            "forgetting memory" => s_options with { Attn = attn with { DataDependentAlibi = true, NumMemKv = 2 } },
            "residual values" => s_options with { AddValueResidual = true, RotaryPosEmb = true },
            "residual scores" => s_options with { ResidualAttn = true, AlibiPosBias = true },
            "streams" => s_options with { NumResidualStreams = 3 },
            "latents" => s_options with { RotaryPosEmb = true, Attn = attn with { UseLatentKv = true, DimLatentKv = 6, LatentRopeSubheads = 1 } },
            "cope" => s_options with { Attn = attn with { UseCope = true, CopeMaxPos = 4 } },
            "distance" => s_options with { Attn = attn with { L2Distance = true } },
            "zero sink" => s_options with { Attn = attn with { AddZeroKv = true, HeadLearnedSink = true, NumMemKv = 1 } },
            "unet" => s_options with { UnetSkips = true },
            "integrate" => s_options with { IntegrateLayers = true },
            _ => s_options with { ReinjectInput = true, LearnedReinjectInputGate = true },
        };
    }

    private static (Tensor X, float[] Whole) Whole(AttentionLayers stack)
    {
        Tensor x = Numbers(1, [2, Length, Dim]);
        return (x, stack.Forward(x).ToArray());
    }

    private static float[] Pieces(AttentionLayers stack, Tensor x, KeyValueCache cache, params int[] counts)
    {
        var parts = new List<Tensor>();
        int start = 0;
        foreach (int count in counts)
        {
            parts.Add(stack.Forward(x.Narrow(1, start, count), new StackInputs { Cache = cache }));
            start += count;
        }

        return Operators.Concatenate(parts, 1).ToArray();
    }

    // Sums are made in another order, and nothing else differs.
    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        float largest = expected.Max(MathF.Abs), error = expected.Zip(actual).Max(static v => MathF.Abs(v.First - v.Second));
        Assert.IsLessThanOrEqualTo(1e-5f * largest, error);
    }

    private static void AssertSays(string expected, Action call) => Assert.Contains(expected, Assert.Throws<ArgumentException>(call).Message);

    private static Tensor Numbers(int seed, Shape shape) => Tensor.From(Cpu, shape, Values(seed, (int)shape.Count));

    private static float[] Values(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
    }
}
