using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Ways to write tokens: with kept keys and values, in beams, against a weaker model, with a draft, as a stream.</summary>
[TestClass]
public sealed class DecodingTests
{
    private const int Tokens = 7;

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    [DeviceRows("plain"), DeviceRows("rotary"), DeviceRows("alibi memory tokens"), DeviceRows("t5 window"), DeviceRows("cross ragged")]
    public void Kept_keys_write_the_same_tokens(string id, string kind)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using AutoregressiveWrapper model = Model(device, 1, kind);
        var prompts = new TokenInputs(Ids(device, [2, 3], 1, 2, 3, 4, 5, 0));
        Tensor? lens = null;
        if (kind.Contains("cross", StringComparison.Ordinal))
        {
            lens = Ids(device, [2], 3, 2);
            bool[] visible = [.. Enumerable.Range(0, 10).Select(static i => i != 3)];
            prompts = prompts with { Context = Numbers(device, 3, [2, 5, 6]), ContextMask = Tensor.From(device, [2, 5], visible) };
        }

        var greedy = new GenerationOptions { Temperature = 0 };
        long[] cached = model.Generate(prompts, 8, greedy, lens).ToInt64Array();
        long[] uncached = model.Generate(prompts, 8, greedy with { CacheKv = false }, lens).ToInt64Array();
        CollectionAssert.AreEqual(uncached, cached);
        Assert.IsGreaterThan(1, cached.Distinct().Count(), "A model that always writes one token proves nothing.");
    }

    [TestMethod]
    public void Samples_of_one_prompt_stand_one_behind_the_other()
    {
        using StepScope step = Cpu.BeginStep();
        using AutoregressiveWrapper model = Model(Cpu, 1, "rotary");
        Tensor prompts = Ids(Cpu, [2, 2], 1, 2, 3, 4);
        var options = new GenerationOptions { TopK = Tokens, Temperature = 2, Seed = 5, NumSamples = 3 };
        Tensor written = model.Generate(prompts, 6, options);
        Assert.AreEqual(new Shape(6, 6), written.Shape);
        CollectionAssert.AreEqual(written.ToInt64Array(), model.Generate(prompts, 6, options with { CacheKv = false }).ToInt64Array());
        long[][] rows = [.. written.ToInt64Array().Chunk(6)];
        Assert.IsGreaterThan(1, rows.Take(3).Select(static row => string.Join(',', row)).Distinct().Count(), "Samples differ.");
        long[] greedy = model.Generate(prompts, 6, new GenerationOptions { Temperature = 0 }).ToInt64Array();
        long[] thrice = model.Generate(prompts, 6, new GenerationOptions { Temperature = 0, NumSamples = 3 }).ToInt64Array();
        CollectionAssert.AreEqual(greedy.Chunk(6).SelectMany(static row => row.Concat(row).Concat(row)).ToArray(), thrice);
    }

    [TestMethod]
    public void Any_of_the_stop_tokens_ends_a_sequence()
    {
        using StepScope step = Cpu.BeginStep();
        using AutoregressiveWrapper model = Model(Cpu, 1, "plain");
        long[] free = model.Generate(Ids(Cpu, [1, 1], 1), 8, new GenerationOptions { Temperature = 0 }).ToInt64Array();
        long other = Enumerable.Range(0, Tokens).First(token => !free.Contains(token));
        int end = Array.IndexOf(free, free[3]);
        long[] ended = model.Generate(
            Ids(Cpu, [1, 1], 1), 8, new GenerationOptions { Temperature = 0, StopTokens = [(int)other, (int)free[3]] }).ToInt64Array();
        CollectionAssert.AreEqual(free[..(end + 1)].Concat(new long[8 - end - 1]).ToArray(), ended);
        Assert.AreEqual(new Shape(1, 0), model.Generate(Ids(Cpu, [1, 1], 1), 0).Shape);
        AssertSays("StopTokens contains 7", () => model.Generate(Ids(Cpu, [1, 1], 1), 1, new GenerationOptions { StopTokens = [7] }));
    }

    [TestMethod, DeviceRows]
    public void As_many_beams_as_sequences_find_the_likeliest(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using AutoregressiveWrapper model = Model(device, 2, "rotary", tokens: 3);
        BeamSearchResult found = model.BeamSearch(new TokenInputs(Ids(device, [1, 2], 1, 2)), 3, 3);
        Assert.AreEqual(new Shape(1, 3, 3), found.Tokens.Shape);
        (double Score, string Text)[] all = [.. from a in Enumerable.Range(0, 3) from b in Enumerable.Range(0, 3) from c in Enumerable.Range(0, 3)
            select (LogProbability(model, [1, 2, a, b, c], 2), $"{a}{b}{c}")];
        (double Score, string Text) best = all.MaxBy(static s => s.Score);
        Assert.AreEqual(best.Text, string.Concat(found.Tokens.ToInt64Array().Take(3)));
        Assert.AreEqual(best.Score, found.Scores.ToArray()[0], 1e-4);
        float[] scores = found.Scores.ToArray();
        CollectionAssert.AreEqual(scores.OrderByDescending(static s => s).ToArray(), scores);
        long[] greedy = model.Generate(Ids(device, [1, 2], 1, 2), 3, new GenerationOptions { Temperature = 0 }).ToInt64Array();
        CollectionAssert.AreEqual(greedy, model.BeamSearch(new TokenInputs(Ids(device, [1, 2], 1, 2)), 3, 1).Tokens.ToInt64Array());
        AssertSays("'beams' is 4", () => model.BeamSearch(new TokenInputs(Ids(device, [1, 2], 1, 2)), 3, 4));
    }

    [TestMethod]
    public void Contrast_takes_off_what_a_weaker_model_likes()
    {
        using StepScope step = Cpu.BeginStep();
        using AutoregressiveWrapper model = Model(Cpu, 1, "rotary"), weaker = Model(Cpu, 4, "plain");
        var prompts = new TokenInputs(Ids(Cpu, [2, 2], 1, 2, 3, 4));
        var amateur = new AmateurModel(weaker.Net, 0.8f, 0.2f);
        long[] written = model.GenerateContrastive(prompts, 5, [amateur], new GenerationOptions { Temperature = 0 }).ToInt64Array();
        for (int row = 0; row < 2; row++)
        {
            List<int> ids = row == 0 ? [1, 2] : [3, 4];
            for (int i = 0; i < 5; i++)
            {
                float[] own = Last(model.Net, ids), other = Last(weaker.Net, ids);
                int expected = Enumerable.Range(0, Tokens).Where(t => own[t] >= MathF.Log(0.2f) + own.Max()).MaxBy(t => 1.8f * own[t] - 0.8f * other[t]);
                Assert.AreEqual(expected, written[row * 5 + i], $"row {row}, token {i}");
                ids.Add(expected);
            }
        }

        AssertSays("'amateurs' is empty", () => model.GenerateContrastive(prompts, 5, []));
        AssertSays("Alpha = 0", () => model.GenerateContrastive(prompts, 5, [amateur with { Alpha = 0 }]));
    }

    [TestMethod]
    [DataRow(1), DataRow(3)]
    public void A_draft_changes_no_greedy_token(int ahead)
    {
        using StepScope step = Cpu.BeginStep();
        using AutoregressiveWrapper model = Model(Cpu, 1, "rotary"), draft = Model(Cpu, 4, "plain");
        var prompt = new TokenInputs(Ids(Cpu, [1, 2], 1, 2));
        var greedy = new GenerationOptions { Temperature = 0 };
        long[] alone = model.Generate(prompt, 12, greedy).ToInt64Array();
        SpeculativeResult helped = model.GenerateSpeculative(prompt, 12, draft.Net, ahead, greedy);
        CollectionAssert.AreEqual(alone, helped.Tokens.ToInt64Array());
        Assert.IsGreaterThan(0, helped.Proposed - helped.Accepted, "A draft that is always right proves nothing.");

        // Its own draft is always right.
        SpeculativeResult own = model.GenerateSpeculative(prompt, 12, model.Net, ahead, greedy);
        CollectionAssert.AreEqual(alone, own.Tokens.ToInt64Array());
        Assert.AreEqual(own.Proposed, own.Accepted);
        Assert.IsLessThanOrEqualTo(12 / (ahead + 1) + 1, own.Calls);
    }

    [TestMethod]
    public void A_draft_does_not_change_how_tokens_are_distributed()
    {
        using StepScope step = Cpu.BeginStep();
        using AutoregressiveWrapper model = Model(Cpu, 1, "rotary", tokens: 3), draft = Model(Cpu, 4, "plain", tokens: 3);
        var prompt = new TokenInputs(Ids(Cpu, [1, 1], 1));
        const int Draws = 1500;
        var counts = new double[9];
        for (int seed = 0; seed < Draws; seed++)
        {
            long[] pair = model.GenerateSpeculative(prompt, 2, draft.Net, 1, new GenerationOptions { TopK = 3, Seed = seed }).Tokens.ToInt64Array();
            counts[pair[0] * 3 + pair[1]]++;
        }

        for (int pair = 0; pair < 9; pair++)
        {
            double expected = Math.Exp(LogProbability(model, [1, pair / 3, pair % 3], 1));

            // Four standard deviations of a binomial share.
            Assert.AreEqual(expected, counts[pair] / Draws, 4 * Math.Sqrt(expected * (1 - expected) / Draws) + 1e-9, $"tokens {pair / 3}, {pair % 3}");
        }
    }

    [TestMethod]
    public async Task A_stream_gives_the_same_tokens_and_can_be_cancelled()
    {
        using AutoregressiveWrapper model = Model(Cpu, 1, "rotary");
        using Tensor ids = Ids(Cpu, [1, 2], 1, 2);
        var options = new GenerationOptions { TopK = Tokens, Seed = 3 };
        var streamed = new List<long>();
        await foreach (int token in model.Stream(new TokenInputs(ids), 9, options))
            streamed.Add(token);
        using Tensor written = model.Generate(ids, 9, options);
        CollectionAssert.AreEqual(written.ToInt64Array(), streamed);

        using var cancel = new CancellationTokenSource();
        int seen = 0;
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            await foreach (int token in model.Stream(new TokenInputs(ids), 9, options, cancel.Token))
            {
                if (++seen == 3)
                    await cancel.CancelAsync();
            }
        });
        Assert.AreEqual(3, seen);

        var ended = new List<long>();
        await foreach (int token in model.Stream(new TokenInputs(ids), 9, options with { EosToken = (int)streamed[2] }))
            ended.Add(token);
        Assert.AreEqual(streamed[2], ended[^1]);
        Assert.IsLessThanOrEqualTo(3, ended.Count);
    }

    private static AutoregressiveWrapper Model(ComputeDevice device, int seed, string kind, int tokens = Tokens)
    {
        bool Has(string what) => kind.Contains(what, StringComparison.Ordinal);
        var options = new AttentionLayersOptions
        {
            Dim = 16, Depth = 2, Heads = 2, RotaryPosEmb = Has("rotary"), AlibiPosBias = Has("alibi"), RelPosBias = Has("t5"), CrossAttend = Has("cross"),
            Attn = new() { DimHead = 8, NumMemKv = Has("t5") ? 1 : 0, MaxAttendPast = Has("window") ? 4 : null }, Ff = new() { Mult = 2 },
            CrossAttn = Has("cross") ? new() { DimHead = 8, DimContext = 6 } : null,
        };
        var wrapper = new TransformerWrapperOptions { NumTokens = tokens, MaxSeqLen = 24, NumMemoryTokens = Has("memory tokens") ? 2 : null };
        var net = new TransformerWrapper(wrapper, new Decoder(options, device, seed), seed);

        // Fresh logits are all alike; larger embeddings make a model that has opinions.
        foreach ((string name, Tensor value) in net.NamedParameters().Where(static p => p.Name.EndsWith("emb.weight", StringComparison.Ordinal)
            || p.Name.StartsWith("to_logits", StringComparison.Ordinal)))
            value.Write(Array.ConvertAll(value.ToArray(), v => v * (name.StartsWith("to_logits", StringComparison.Ordinal) ? 4f : 8f)));
        return new AutoregressiveWrapper(net);
    }

    private static float[] Last(TransformerWrapper net, List<int> ids)
    {
        float[] logits = net.Forward(Tensor.From(net.Device, [1, ids.Count], [.. ids])).ToArray();
        return logits[^(logits.Length / ids.Count)..];
    }

    private static double LogProbability(AutoregressiveWrapper model, int[] ids, int prompt)
    {
        double sum = 0;
        for (int i = prompt; i < ids.Length; i++)
        {
            float[] logits = Last(model.Net, [.. ids[..i]]);
            sum += logits[ids[i]] - Math.Log(logits.Sum(static l => Math.Exp(l)));
        }

        return sum;
    }

    private static Tensor Numbers(ComputeDevice device, int seed, Shape shape)
    {
        var random = new Random(seed);
        return Tensor.From(device, shape, [.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.NextSingle() * 2 - 1)]);
    }
}
