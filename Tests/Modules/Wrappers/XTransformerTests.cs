using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Sequence to sequence.</summary>
[TestClass]
public sealed class XTransformerTests
{
    private static readonly XTransformerOptions s_options = new()
    {
        Encoder = new() { NumTokens = 11, MaxSeqLen = 8 },
        EncoderLayers = new() { Dim = 16, Depth = 1, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 2 } },
        Decoder = new() { NumTokens = 11, MaxSeqLen = 8 },
        DecoderLayers = new() { Dim = 16, Depth = 1, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 2 } },
    };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    public void A_tied_table_has_two_names_and_learns_once()
    {
        using var free = new XTransformer(s_options, Cpu);
        using var model = new XTransformer(s_options with { TieTokenEmb = true }, Cpu);
        Dictionary<string, Tensor> parameters = model.NamedParameters().ToDictionary(static p => p.Name, static p => p.Value);
        Assert.AreSame(parameters["encoder.token_emb.emb.weight"], parameters["decoder.net.token_emb.emb.weight"]);
        Assert.AreEqual(free.ParameterCount - 11 * 16, model.ParameterCount);
        Assert.AreEqual(free.NamedParameters().Count(), parameters.Count);
        Assert.HasCount(parameters.Count - 1, TrainedParameter.Of(model));
        string file = Path.GetTempFileName();
        try
        {
            model.Save(file);
            using var other = new XTransformer(s_options with { TieTokenEmb = true }, Cpu, seed: 3);
            other.Load(file);
            CollectionAssert.AreEqual(
                parameters["encoder.token_emb.emb.weight"].ToArray(),
                other.NamedParameters().First(static p => p.Name == "decoder.net.token_emb.emb.weight").Value.ToArray());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [TestMethod, DeviceRows]
    public void Both_sides_of_other_widths_learn_and_hidden_source_tokens_do_not_count(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var model = new XTransformer(s_options with { EncoderLayers = s_options.EncoderLayers with { Dim = 24 } }, device);
        using Tensor source = Ids(device, [1, 3], 1, 2, 3), other = Ids(device, [1, 3], 1, 2, 4), target = Ids(device, [1, 4], 5, 6, 7, 8), mask = Tensor.From(
            device, [1, 3], [true, true, false]);
        using (StepScope step = device.BeginStep())
        {
            CollectionAssert.AreEqual(model.Loss(source, target, mask).ToArray(), model.Loss(other, target, mask).ToArray());
            CollectionAssert.AreNotEqual(model.Loss(source, target).ToArray(), model.Loss(other, target).ToArray());
        }

        using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 1e-2, TotalSteps = 15 });
        double first = trainer.Step(() => model.Loss(source, target)).Loss, last = 0;
        while (trainer.StepNumber < 15)
            last = trainer.Step(() => model.Loss(source, target)).Loss;
        Assert.IsLessThan(0.5 * first, last);
    }

    [TestMethod]
    public void A_run_with_tied_tables_and_recomputed_layers_resumes_bit_for_bit()
    {
        XTransformerOptions options = s_options with { TieTokenEmb = true, Encoder = s_options.Encoder with { EmbDropout = 0.1f } };
        using Tensor source = Ids(Cpu, [1, 3], 1, 2, 3), target = Ids(Cpu, [1, 4], 5, 6, 7, 8);
        string file = Path.GetTempFileName();
        try
        {
            double[] whole = Run(options, 0, 6, recompute: false);
            CollectionAssert.AreEqual(whole[..3], Run(options, 0, 3, recompute: false));
            CollectionAssert.AreEqual(whole[3..], Run(options, 3, 6, recompute: true));
        }
        finally
        {
            File.Delete(file);
        }

        double[] Run(XTransformerOptions with, int from, int to, bool recompute)
        {
            using var model = new XTransformer(with, Cpu, seed: from);
            model.Encoder.AttnLayers.CheckpointLayers = model.Decoder.Net.AttnLayers.CheckpointLayers = recompute;
            using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 1e-2, TotalSteps = 6 });
            if (from > 0)
                trainer.Resume(file);
            var losses = new List<double>();
            while (trainer.StepNumber < to)
                losses.Add(trainer.Step(() => model.Loss(source, target)).Loss);
            trainer.Save(file);
            return [.. losses];
        }
    }

    [TestMethod, DeviceRows]
    public void In_training_some_source_tokens_are_hidden_from_the_decoder(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor context = Tensor.Zeros(device, [2, 8, 4]), mask = Tensor.From(device, [2, 8], [.. Enumerable.Range(0, 16).Select(static i => i < 12)]);
        using (device.BeginTraining(seed: 1, step: 0))
        {
            bool[] all = ContextDropout.Mask(context, null, 0.4f, device.Training!).ToBoolArray();
            Assert.AreEqual(4, all[..8].Count(static v => v), "Of eight, 0.6 are 4.8.");
            bool[] some = ContextDropout.Mask(context, mask, 0.4f, device.Training!).ToBoolArray();
            Assert.AreEqual(3, some[8..].Count(static v => v), "Of four visible ones 2.4, rounded up.");
            Assert.IsFalse(some[12..].Any(static v => v));
        }

        using var model = new XTransformer(s_options with { CrossAttnTokensDropout = 0.5f }, device);
        Tensor source = Tensor.From(device, [1, 6], [1, 2, 3, 4, 5, 0]), target = Tensor.From(device, [1, 4], [1, 2, 3, 4]);
        float whole = model.Loss(source, target).Item();
        Assert.AreEqual(whole, model.Loss(source, target).Item());
        var losses = new HashSet<float>();
        for (int number = 0; number < 4; number++)
        {
            using StepScope training = device.BeginTraining(seed: 1, step: number);
            losses.Add(model.Loss(source, target).Item());
        }

        Assert.IsGreaterThan(1, losses.Count);
        Assert.DoesNotContain(whole, losses);
    }

    [TestMethod]
    public void Contradicting_options_are_named()
    {
        AssertSays(
            "encoder's tokens are Dim = 16",
            () => _ = new XTransformer(
                s_options with { DecoderLayers = s_options.DecoderLayers with { CrossAttn = s_options.DecoderLayers.Attn with { DimContext = 24 } } }, Cpu));
        AssertSays(
            "[11, 16] and the decoder's [12, 16]",
            () => _ = new XTransformer(s_options with { TieTokenEmb = true, Decoder = new() { NumTokens = 12, MaxSeqLen = 8 } }, Cpu));
        const string Options = """{"class": "XTransformer", "kwargs": {"dim": 8, "enc_num_tokens": 5, "enc_max_seq_len": 4, "enc_depth": 1, "dec_num_tokens": 5, "dec_max_seq_len": 4, "dec_depth": 1OTHER}}""";
        Module Build(string other) => ModuleFactory.Create(Options.Replace("OTHER", other, StringComparison.Ordinal), Cpu);
        Build(""", "enc_num_memory_tokens": 2, "dec_ff_glu": true, "tie_token_emb": true""").Dispose();
        AssertSays("'tie_token_embed'", () => Build(""", "tie_token_embed": true"""));
        AssertSays("'dec_dim'", () => Build(""", "dec_dim": 8"""));
        AssertSays("XTransformer's dec_…", () => Build(""", "dec_num_memory_tokens": 2"""));
        AssertSays("CrossAttnTokensDropout = 1", () => Build(""", "cross_attn_tokens_dropout": 1"""));
    }
}
