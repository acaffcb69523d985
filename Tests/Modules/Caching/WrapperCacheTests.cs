using System.Reflection;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules.Caching;

/// <summary>A model of tokens with a cache: what stands before the tokens comes once, and positions go on.</summary>
[TestClass]
public sealed class WrapperCacheTests
{
    private const int Tokens = 11, Length = 7, Prefix = 3;

    // The options, and the call with what is for the tokens up to the second number.
    private static readonly Dictionary<string, 
        (Func<TransformerWrapperOptions, TransformerWrapperOptions> Options, Func<TokenInputs, Chunk, TokenInputs> Inputs)>
        s_cases = new()
        {
            ["plain"] = (static o => o, Same),
            ["sines"] = (static o => o with { ScaledSinuPosEmb = true }, Same),
            ["no positions"] = (static o => o with { UseAbsPosEmb = false }, Same),
            ["another width"] = (static o => o with { EmbDim = 10, PostEmbNorm = true }, Same),
            ["memory tokens"] = (static o => o with { NumMemoryTokens = 2 }, Same),
            ["prefix"] = (static o => o, WithPrefix),
            ["cut prefix"] = (static o => o, static (inputs, chunk) => WithPrefix(inputs, chunk) with { ExcisePrependEmbeds = chunk.From == 0 }),
            ["prefix and memory tokens"] = (static o => o with { NumMemoryTokens = 2 }, WithPrefix),
            ["left padding"] = (static o => o, WithStart),
            ["left padding behind a prefix"] = (
            static o => o with { NumMemoryTokens = 2 }, static (inputs, chunk) => WithStart(WithPrefix(inputs, chunk), chunk)),
            ["keys"] = (static o => o with { NumMemoryTokens = 1 }, static (inputs, chunk) => inputs with
            {
                SelfAttnKvMask = Tensor.From(chunk.Device, [2, chunk.To], [.. Enumerable.Range(0, 2 * chunk.To).Select(i => i % chunk.To % 3 != 1)]),
            }),
            ["positions"] = (static o => o, static (inputs, chunk) => inputs with
            {
                Pos = Tensor.From(
                chunk.Device, [chunk.To - chunk.From], [.. Enumerable.Range(chunk.From, chunk.To - chunk.From).Select(static p => p * 3 % Length)]),
            }),
            ["more embeddings"] = (static o => o with { EmbedNumTokens = new Dictionary<string, int> { ["kind"] = 3 } }, static (inputs, chunk) => inputs with
            {
                EmbedIds = new Dictionary<string, Tensor> { ["kind"] = Ids(chunk.Device, [2, chunk.To - chunk.From], Each(chunk, 3)) },
                SumEmbeds = CacheCases.Random(chunk.Device, 6, 2, Length, CacheCases.Dim).Narrow(1, chunk.From, chunk.To - chunk.From),
            }),
            ["factors"] = (static o => o with { FfDeepEmbed = true, NumMemoryTokens = 2 }, Same),
        };

    /// <summary>Each with absolute positions alone, and with rotary positions or ALiBi in the stack.</summary>
    /// <remarks>ALiBi would need the positions of all keys, and refuses a cache with them.</remarks>
    public static IEnumerable<object[]> Rows() => from name in s_cases.Keys
                                                  from position in new[] { "none", "rotary", "alibi" }
                                                  where name != "positions" || position != "alibi"
                                                  select new object[] { name, position };

    public static string DisplayName(MethodInfo method, object[] row) => $"{method.Name} ({row[0]}, {row[1]})";

    [TestMethod]
    [DynamicData(nameof(Rows), DynamicDataDisplayName = nameof(DisplayName))]
    public void Tokens_one_by_one_give_the_logits_of_all(string name, string position) => Compare("cpu", name, position);

    [TestMethod, DeviceRows("prefix and memory tokens"), DeviceRows("left padding behind a prefix")]
    public void So_they_do_on_every_device(string id, string name) => Compare(id, name, "rotary");

    private static void Compare(string id, string name, string position)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var stack = new Decoder(CacheCases.Of(position).Options(CacheCases.Stack), device, seed: 3);
        using var model = new TransformerWrapper(
            s_cases[name].Options(new TransformerWrapperOptions { NumTokens = Tokens, MaxSeqLen = Length }), stack, seed: 4);
        CacheCases.Disturb(model);
        float[] whole = Last(Forward(model, name, 1, 0, Length, null), Length), chunks = Chunks(model, name, 1);
        Assert.IsLessThanOrEqualTo(1e-5f * whole.Max(MathF.Abs), Distance(whole, chunks));

        // The last token's logits, with other tokens before it.
        int logits = 2 * Tokens;
        Assert.IsGreaterThan(1e-3f, Distance(chunks[^logits..], Chunks(model, name, 2)[^logits..]), "The cache is not read.");
    }

    // [2 · tokens, logits], token by token
    private static float[] Chunks(TransformerWrapper model, string name, int seed)
    {
        using var cache = new KeyValueCache();
        return [.. new[] { (0, 4), (4, 5), (5, 6), (6, 7) }.SelectMany(part
            => Last(Forward(model, name, seed, part.Item1, part.Item2, cache), part.Item2 - part.Item1))];
    }

    // The logits of the tokens, without those of a prefix, the axis of the batch behind that of the sequence.
    private static float[] Last(Tensor logits, int count) => logits.Narrow(1, logits.Shape[1] - count, count).Transpose(0, 1).ToArray();

    private static Tensor Forward(TransformerWrapper model, string name, int seed, int from, int to, KeyValueCache? cache)
    {
        int[] ids = [.. Enumerable.Range(0, 2 * (to - from)).Select(i => Token(seed, i / (to - from), from + i % (to - from)))];
        var inputs = new TokenInputs(Ids(model.Device, [2, to - from], ids)) { Cache = cache };
        return model.Forward(s_cases[name].Inputs(inputs, new Chunk(model.Device, from, to)));
    }

    // The last token is the same whatever the seed.
    private static int Token(int seed, int sample, int at) => at == Length - 1 ? 5 + sample : (seed * 7 + sample * 3 + at * 5) % Tokens;

    private static TokenInputs Same(TokenInputs inputs, Chunk chunk) => inputs;

    private static TokenInputs WithPrefix(TokenInputs inputs, Chunk chunk) => chunk.From > 0 ? inputs : inputs with
    {
        PrependEmbeds = CacheCases.Random(chunk.Device, 5, 2, Prefix, CacheCases.Dim),
    };

    private static TokenInputs WithStart(TokenInputs inputs, Chunk chunk) => inputs with { SeqStartPos = Ids(chunk.Device, [2], 0, 2) };

    private static int[] Each(Chunk chunk, int count)
        => [.. Enumerable.Range(0, 2 * (chunk.To - chunk.From)).Select(i => (chunk.From + i % (chunk.To - chunk.From)) % count)];

    private static float Distance(float[] expected, float[] actual) => expected.Zip(actual, static (a, b) => MathF.Abs(a - b)).Max();
}
