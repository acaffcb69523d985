using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Caching;

/// <summary>Some positions of the sequence.</summary>
/// <param name="Device">Where.</param>
/// <param name="From">The first.</param>
/// <param name="To">The one after the last.</param>
internal readonly record struct Chunk(ComputeDevice Device, int From, int To);

/// <summary>Something that a causal stack may have or be called with.</summary>
/// <param name="Name">For the test's name.</param>
/// <param name="Options">The stack with it.</param>
/// <param name="Inputs">The call with it; null for as it is.</param>
internal sealed record CacheCase(
    string Name, Func<AttentionLayersOptions, AttentionLayersOptions> Options, Func<StackInputs, Chunk, StackInputs>? Inputs = null)
{
    /// <summary>This and another.</summary>
    public CacheCase And(CacheCase other) => new(
        $"{Name} + {other.Name}", options => other.Options(Options(options)), (inputs, chunk) => other.Call(Call(inputs, chunk), chunk));

    /// <summary>What goes with a chunk.</summary>
    public StackInputs Call(StackInputs inputs, Chunk chunk) => Inputs?.Invoke(inputs, chunk) ?? inputs;
}

/// <summary>The stacks and calls whose chunks are compared with the whole.</summary>
internal static class CacheCases
{
    public const int Dim = 16, Heads = 4, Batch = 2, Length = 8, Context = 5, Memories = 3;

    public static readonly AttentionLayersOptions Stack = new() { Dim = Dim, Depth = 2, Heads = Heads, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 1 } };

    public static readonly CacheCase[] Positions =
    [
        new("none", static o => o),
        new("rotary", static o => o with { RotaryPosEmb = true }),
        new("rotary in one head", static o => o with { RotaryPosEmb = true, RotateNumHeads = 1, RotaryEmbDim = 8, RotaryBaseRescaleFactor = 2 }),
        new("xpos", static o => o with { RotaryXpos = true, RotaryXposScaleBase = 8 }),
        new("polar", static o => o with { PolarPosEmb = true }),
        new("alibi", static o => o with { AlibiPosBias = true, AlibiNumHeads = 3 }),
        new("t5", static o => o with { RelPosBias = true, RelPosNumBuckets = 4, RelPosMaxDistance = 6 }),
        new("dynamic", static o => o with { DynamicPosBias = true, DynamicPosBiasNorm = true }),
        new("dynamic log", static o => o with { DynamicPosBias = true, DynamicPosBiasLogDistance = true }),
    ];

    public static readonly CacheCase[] Extras =
    [
        new("plain", static o => o),
        With("one key head", static a => a with { KvHeads = 1 }),
        With("two key heads", static a => a with { KvHeads = 2 }),
        With("memory keys", static a => a with { NumMemKv = 3 }),
        With("zero key", static a => a with { AddZeroKv = true }),
        With("sink", static a => a with { HeadLearnedSink = true }),
        With("explicit sink", static a => a with { HeadLearnedSink = true, SoftclampLogits = true }),
        With("norm", static a => a with { QkNorm = true, QkNormGroups = 2, QkNormDimScale = true }),
        With("rms norm", static a => a with { QkRmsnorm = true, ValueRmsnorm = true }),
        With("window", static a => a with { MaxAttendPast = 2 }),
        With("forgetting", static a => a with { DataDependentAlibi = true }),
        With("latents", static a => a with { UseLatentQ = true, DimLatentQ = 6, UseLatentKv = true, DimLatentKv = 7 }),
        With("rotated latents", static a => a with { UseLatentKv = true, DimLatentKv = 7, LatentRopeSubheads = 2 }),
        With("contextual positions", static a => a with { UseCope = true, CopeMaxPos = 4 }),
        With("relative projection", static a => a with { UseRelProjPosBias = true, RelProjMaxDist = 5 }),
        With("distance", static a => a with { L2Distance = true }),
        With("talking heads", static a => a with { PreTalkingHeads = true, PostTalkingHeads = true }),
        With("few keys", static a => a with { SparseTopk = 2 }),
        With("gates", static a => a with { GateValues = true, OutputGate = true, GateValueHeads = true, Laser = true }),
        new("cross-attention", CrossAttending, WithContext),
        new("cross-attention with positions", CrossAttending, static (inputs, chunk) => WithContext(inputs, chunk) with
        {
            ContextPos = Tensor.From(chunk.Device, [Context], [4f, 0f, 7f, 1f, 2f]),
        }),
        new("left padding", static o => o, static (inputs, chunk) => inputs with { SeqStartPos = Tensor.From(chunk.Device, [Batch], [2, 0]) }),
        new("pair mask", static o => o, static (inputs, chunk) => inputs with { AttnMask = Pairs(chunk) }),
        new("one shift", static o => o with { ShiftTokens = 1 }),
        new("three shifts", static o => o with { ShiftTokens = 3 }),
        new("value residual", static o => o with { AddValueResidual = true }),
        new("score residual", static o => o with { ResidualAttn = true }),
        new("streams", static o => o with { NumResidualStreams = 2, QkvReceiveDiffResiduals = true }),
        new("layer mixtures", static o => o with { IntegrateLayers = true }),
        new("skips", static o => o with { UnetSkips = true }),
        new("reinjection", static o => o with { ReinjectInput = true, LearnedReinjectInputGate = true }),
        new("gated residual", static o => o with { GateResidual = true, Macaron = true }),
        new("tied layers", static o => o with { WeightTieLayers = true, Depth = 3 }),
        new("repeated blocks", static o => o, static (inputs, _) => inputs with { RepeatBlocks = [new RepeatedBlocks(0, 1, 2)] }),
        new("memories", static o => o, WithMemories),
        new("one layer's memories", static o => o, static (inputs, chunk) => inputs with
        {
            Mems = chunk.From > 0 ? null : [null, Random(chunk.Device, 9, Batch, Memories, Dim)],
        }),
        new("masked memories", static o => o, static (inputs, chunk) => WithMemories(inputs, chunk) with
        {
            MemMasks = chunk.From > 0 ? null : [Tensor.From(chunk.Device, [Batch, Memories], [true, false, true, true, true, false]), null],
        }),
    ];

    // What a call refuses: an order of layers that the stack does not have, and memories beside what is for the sequence alone.
    private static readonly (string One, string Other)[] s_exclusive =
    [
        ("repeated", "tied"), ("repeated", "mixtures"), ("repeated", "skips"), ("mixtures", "tied"), ("memories", "streams"),
        ("memories", "forgetting"), ("memories", "value residual"), ("memories", "pair mask"),
    ];

    private static readonly CacheCase[] s_all = [.. Positions, .. Extras];

    /// <summary>Every position with every extra, and every extra with every other, as far as they do not exclude each other.</summary>
    public static IEnumerable<CacheCase> All()
    {
        IEnumerable<CacheCase> one = from position in Positions from extra in Extras select position.And(extra);
        IEnumerable<CacheCase> two = from i in Enumerable.Range(1, Extras.Length - 1)
                                     from j in Enumerable.Range(i + 1, Extras.Length - 1 - i)
                                     select Positions[(i + j) % Positions.Length].And(Extras[i]).And(Extras[j]);
        return one.Concat(two).Where(IsAllowed);
    }

    /// <summary>The case of that name.</summary>
    public static CacheCase Of(string name)
        => name.Split(" + ").Select(static part => s_all.First(c => c.Name == part)).Aggregate(static (first, second) => first.And(second));

    /// <summary>A stack whose parameters that start at zero or one are neither.</summary>
    public static Decoder Create(CacheCase which, ComputeDevice device)
    {
        var stack = new Decoder(which.Options(Stack), device, seed: 11);
        Disturb(stack);
        return stack;
    }

    /// <summary>Moves every parameter.</summary>
    public static void Disturb(Module module)
    {
        var random = new Random(5);
        foreach ((_, Tensor value) in module.NamedParameters())
            value.Write(Array.ConvertAll(value.ToArray(), v => v + 0.3f * (random.NextSingle() - 0.5f)));
    }

    /// <summary>Numbers in ±1.</summary>
    public static Tensor Random(ComputeDevice device, int seed, params int[] shape)
    {
        var random = new Random(seed);
        return Tensor.From(device, shape, [.. Enumerable.Range(0, shape.Aggregate(static (a, b) => a * b)).Select(_ => random.NextSingle() * 2 - 1)]);
    }

    // What options refuse, no cache has to get right; every extra is allowed alone.
    private static bool IsAllowed(CacheCase which)
    {
        try
        {
            new Decoder(which.Options(Stack), TestDevices.Get("cpu")).Dispose();
        }
        catch (ArgumentException)
        {
            return false;
        }

        // The decay of xpos has its centre in the middle of the sequence: queries and keys themselves, without each other, depend on the sequence's length.
        string name = which.Name;
        if (name.StartsWith("xpos", StringComparison.Ordinal) && (Has("memory keys") || Has("with positions") || Has("contextual") || Has("distance")))
            return false;
        bool hasRotary = name.StartsWith("rotary", StringComparison.Ordinal) || name.StartsWith("xpos", StringComparison.Ordinal);
        return (hasRotary || !Has("with positions")) && !s_exclusive.Any(pair => Has(pair.One) && Has(pair.Other));

        bool Has(string part) => name.Contains(part, StringComparison.Ordinal);
    }

    private static CacheCase With(string name, Func<AttentionOptions, AttentionOptions> attn) => new(name, o => o with { Attn = attn(o.Attn) });

    private static AttentionLayersOptions CrossAttending(AttentionLayersOptions o) => o with { CrossAttend = true };

    private static StackInputs WithContext(StackInputs inputs, Chunk chunk) => inputs with
    {
        Context = Random(chunk.Device, 7, Batch, Context, Dim),
        ContextMask = Tensor.From(chunk.Device, [Batch, Context], [true, false, true, true, true, true, true, true, true, false]),
    };

    private static StackInputs WithMemories(StackInputs inputs, Chunk chunk) => inputs with
    {
        Mems = chunk.From > 0 ? null : [Random(chunk.Device, 8, Batch, Memories, Dim), Random(chunk.Device, 9, Batch, Memories, Dim)],
    };

    private static Tensor Pairs(Chunk chunk)
    {
        (int queries, int keys) = (chunk.To - chunk.From, chunk.To);
        return Tensor.From(chunk.Device, [queries, keys], [.. Enumerable.Range(0, queries * keys).Select(i => (chunk.From + i / keys) * 3 % 5 != i % keys)]);
    }
}
