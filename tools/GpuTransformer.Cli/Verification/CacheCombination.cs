using System.Diagnostics;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Verification;

/// <summary>One combination of options of which a cache must give the same as no cache.</summary>
/// <param name="Positions">none, absolute, rotary, xpos, polar, alibi, t5, dynamic.</param>
/// <param name="KvHeads">all or 1.</param>
/// <param name="Memory">none, keys (learned keys and values), tokens (before the sequence), mems (of an earlier segment).</param>
/// <param name="Window">Whether attention is limited to three positions back.</param>
/// <param name="Norm">layer, qk (queries and keys as unit vectors), rms (with heads' norms).</param>
/// <param name="Cross">Whether there is a context, part of it hidden.</param>
/// <param name="Ragged">Whether the prompts are not equally long.</param>
internal sealed record CacheCombination(string Positions, string KvHeads, string Memory, bool Window, string Norm, bool Cross, bool Ragged)
{
    private const int Dim = 16, HeadDim = 8, ContextDim = 10, Layers = 2, TokenCount = 13, Length = 9, ContextLength = 5, Written = 4, MemoryLength = 3;

    // What float32 may be off by where sums are made in another order, as a part of the largest logit.
    private const double Rounding = 1e-5;

    private static readonly string[] s_positions = ["none", "absolute", "rotary", "xpos", "polar", "alibi", "t5", "dynamic"], s_kvHeads = ["all", "1"];

    private static readonly string[] s_memories = ["none", "keys", "tokens", "mems"], s_norms = ["layer", "qk", "rms"];

    private static readonly bool[] s_both = [false, true];

    /// <summary>All of them.</summary>
    public static IEnumerable<CacheCombination> All =>
        from positions in s_positions
        from kvHeads in s_kvHeads
        where positions != "polar" || kvHeads == "all"
        from memory in s_memories
        from window in s_both
        from norm in s_norms
        from cross in s_both
        from ragged in s_both
        where !(ragged && memory == "mems") && !(positions is "polar" or "xpos" && memory == "keys")
        select new CacheCombination(positions, kvHeads, memory, window, norm, cross, ragged);

    /// <summary>Its name.</summary>
    public string Name
        => $"{Positions} kv:{KvHeads} memory:{Memory} norm:{Norm}" + (Window ? " window" : "") + (Cross ? " cross" : "") + (Ragged ? " ragged" : "");

    /// <summary>Compares logits, step by step with a cache and all at once without, and the tokens that both write greedily.</summary>
    public CaseResult Run(ComputeDevice device)
    {
        long start = Stopwatch.GetTimestamp();
        using StepScope step = device.BeginStep();
        using var model = new AutoregressiveWrapper(Model(device));
        (double error, double largest) = Compare(model.Net);
        string? difference = Memory == "mems" ? null : DifferenceInWriting(model);
        double limit = Rounding * largest;
        bool passed = error <= limit && difference is null;
        string? why = difference ?? (passed ? null : $"logits differ by {Format.Error(error)}, more than {Format.Error(limit)}");
        return new CaseResult(
            Name, device.Id, passed ? CaseStatus.Passed : CaseStatus.Failed, error, limit, why, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private TransformerWrapper Model(ComputeDevice device)
    {
        var attention = new AttentionOptions
        {
            DimHead = HeadDim, OneKvHead = KvHeads == "1", NumMemKv = Memory == "keys" ? 2 : 0, MaxAttendPast = Window ? 3 : null,
            QkNorm = Norm == "qk", QkRmsnorm = Norm == "rms",
        };
        var options = new AttentionLayersOptions
        {
            Dim = Dim, Depth = Layers, Heads = 2, CrossAttend = Cross,
            CrossAttn = Cross ? attention with { DimContext = ContextDim, MaxAttendPast = null } : null,
            Attn = attention, Ff = new() { Mult = 2 }, UseRmsnorm = Norm == "rms", RotaryPosEmb = Positions == "rotary", RotaryXpos = Positions == "xpos",
            PolarPosEmb = Positions == "polar", AlibiPosBias = Positions == "alibi", RelPosBias = Positions == "t5", RelPosNumBuckets = 6,
            RelPosMaxDistance = 8, DynamicPosBias = Positions == "dynamic",
        };
        var wrapper = new TransformerWrapperOptions
        {
            NumTokens = TokenCount, MaxSeqLen = Positions == "absolute" ? 32 : 0, NumMemoryTokens = Memory == "tokens" ? 2 : null,
            MaxMemLen = Memory == "mems" ? MemoryLength : 0,
        };
        var model = new TransformerWrapper(wrapper, new Decoder(options, device, 1), 1);

        // Fresh embeddings are all but alike: larger ones make logits that differ.
        Tensor table = model.NamedParameters().First(static p => p.Name == "token_emb.emb.weight").Value;
        table.Write(Array.ConvertAll(table.ToArray(), static v => v * 8f));
        return model;
    }

    private (double Error, double Largest) Compare(TransformerWrapper model)
    {
        TokenInputs all = Inputs(model.Device, Length);
        float[] exact = model.Forward(all).ToArray();
        using var cache = new KeyValueCache();
        var parts = new List<Tensor>();
        foreach ((int from, int count) in new[] { (0, 4), (4, 1), (5, 1), (6, 3) })
            parts.Add(model.Forward(all with { Ids = all.Ids.Narrow(1, from, count), Cache = cache, Mems = from == 0 ? all.Mems : null }));
        float[] actual = Operators.Concatenate(parts, 1).ToArray();

        // What stands before a ragged prompt means nothing, and need not be the same.
        int[] starts = Ragged ? [3, 0] : [0, 0];
        double error = 0, largest = 0;
        for (int i = 0; i < exact.Length; i++)
        {
            if (i / TokenCount % Length < starts[i / TokenCount / Length])
                continue;
            double difference = Math.Abs((double)actual[i] - exact[i]);
            error = double.IsFinite(difference) ? Math.Max(error, difference) : double.PositiveInfinity;
            largest = Math.Max(largest, Math.Abs(exact[i]));
        }

        return (error, largest);
    }

    private string? DifferenceInWriting(AutoregressiveWrapper model)
    {
        TokenInputs prompts = Inputs(model.Device, 4);
        var greedy = new GenerationOptions { Temperature = 0 };
        long[] cached = model.Generate(prompts, Written, greedy).ToInt64Array(), uncached = model.Generate(prompts, Written, greedy with { CacheKv = false })
            .ToInt64Array();
        return cached.SequenceEqual(uncached) ? null : $"written with a cache: {string.Join(' ', cached)}, without: {string.Join(' ', uncached)}";
    }

    private TokenInputs Inputs(ComputeDevice device, int length)
    {
        int[] ids = [.. Enumerable.Range(0, 2 * length).Select(static i => (i * 5 + i / 7) % TokenCount)];
        var random = new CaseData(CaseData.Seed(7, ContextLength, ContextDim), DType.Float32);
        bool[] visible = [.. Enumerable.Range(0, 2 * ContextLength).Select(static i => i % 4 != 3)];
        return new TokenInputs(Tensor.From(device, [2, length], ids))
        {
            Context = Cross ? Tensor.From(device, [2, ContextLength, ContextDim], random.Uniform(2 * ContextLength * ContextDim)) : null,
            ContextMask = Cross ? Tensor.From(device, [2, ContextLength], visible) : null,
            SeqStartPos = Ragged ? Tensor.From(device, [2], [3, 0]) : null,
            Mems = Memory != "mems" ? null : [.. Enumerable.Range(0, Layers).Select(
                _ => Tensor.From(device, [2, MemoryLength, Dim], random.Uniform(2 * MemoryLength * Dim)))],
        };
    }
}
