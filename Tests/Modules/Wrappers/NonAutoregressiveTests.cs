using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Masked training and writing in a few passes.</summary>
[TestClass]
public sealed class NonAutoregressiveTests
{
    private const int Tokens = 11, Length = 8, MaskId = 10;

    private static readonly TransformerWrapperOptions s_net = new() { NumTokens = Tokens, MaxSeqLen = Length };

    private static readonly NonAutoregressiveWrapperOptions s_options = new() { MaskId = MaskId, Steps = 4 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    private static Tensor Text => Tensor.From(Cpu, [2, Length], [1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1]);

    [TestMethod]
    public void As_many_tokens_are_hidden_as_the_time_says()
    {
        long[] ids = [.. Enumerable.Range(0, 400).Select(static i => (long)(i % 7))];
        foreach (string schedule in new[] { "linear", "cosine" })
        {
            NonAutoregressiveWrapperOptions options = s_options with { Schedule = schedule, NoReplaceProb = 0, RandomTokenProb = 0 };
            HiddenTokens hidden = HiddenTokens.Draw(ids, 20, Tokens, options, new Random(1).NextSingle);
            for (int row = 0; row < 20; row++)
            {
                double share = schedule == "linear" ? 1 - hidden.Times[row] : Math.Cos(hidden.Times[row] * Math.PI / 2);
                Assert.AreEqual((int)Math.Ceiling(Math.Max(1, share * 20)), hidden.Mask[(20 * row)..(20 * row + 20)].Count(static m => m));
            }

            for (int i = 0; i < ids.Length; i++)
                Assert.AreEqual(hidden.Mask[i] ? MaskId : ids[i], hidden.Ids[i]);
        }
    }

    [TestMethod]
    public void Some_that_are_to_be_guessed_stay_or_become_any_token()
    {
        long[] ids = [.. Enumerable.Repeat(3L, 1000)];
        var shares = new List<double>();
        bool wereRandom = false;
        for (int seed = 0; seed < 20; seed++)
        {
            NonAutoregressiveWrapperOptions options = s_options with { NoReplaceProb = 0.2f, RandomTokenProb = 0.3f };
            HiddenTokens hidden = HiddenTokens.Draw(ids, 1000, Tokens, options, new Random(seed).NextSingle);
            int count = hidden.Mask.Count(static m => m);
            shares.Add(Enumerable.Range(0, 1000).Count(i => hidden.Mask[i] && hidden.Ids[i] != MaskId) / (double)count);
            wereRandom |= Enumerable.Range(0, 1000).Any(i => hidden.Mask[i] && hidden.Ids[i] is not (MaskId or 3));
            Assert.IsTrue(Enumerable.Range(0, 1000).All(i => hidden.Mask[i] || hidden.Ids[i] == 3));
        }

        Assert.IsTrue(wereRandom);
        Assert.AreEqual(0, shares.Min(), 0.02, "Neither, in a batch of four.");
        Assert.AreEqual(0.2 + 0.8 * 0.8 * 0.3, shares.Max(), 0.05, "Both.");
    }

    [TestMethod]
    public void The_loss_is_of_the_hidden_tokens_by_their_weights()
    {
        using StepScope step = Cpu.BeginStep();
        foreach (bool weighted in new[] { false, true })
        {
            NonAutoregressiveWrapperOptions options = s_options with { UseSimpleMdlmLossWeight = weighted };
            using var model = new NonAutoregressiveWrapper(Build(Cpu, s_net), options);
            long[] right = Text.ToInt64Array();
            HiddenTokens hidden = HiddenTokens.Draw(right, Length, Tokens, options, new Random(3).NextSingle);
            float[] logits = model.Net.Forward(Tensor.From(Cpu, [2, Length], hidden.Ids)).ToArray();
            double expected = 0;
            for (int i = 0; i < right.Length; i++)
            {
                double weight = weighted ? 1 / Math.Max(1 - hidden.Times[i / Length], 1.0 / Length) : 1;
                float[] row = logits[(i * Tokens)..((i + 1) * Tokens)];
                expected += hidden.Mask[i] ? weight * (Math.Log(row.Sum(static v => Math.Exp(v))) - row[right[i]]) : 0;
            }

            expected /= hidden.Mask.Count(static m => m);
            NonAutoregressiveLosses losses = model.Losses(Text, seed: 3);
            Assert.AreEqual(expected, losses.Loss.Item(), 1e-4);
            Assert.IsNull(losses.CriticLoss);
        }
    }

    [TestMethod]
    public void In_training_every_step_hides_others()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new NonAutoregressiveWrapper(Build(Cpu, s_net), s_options);
        Assert.AreEqual(model.Loss(Text).Item(), model.Loss(Text).Item());
        var losses = new HashSet<float>();
        for (int number = 0; number < 5; number++)
        {
            using StepScope training = Cpu.BeginTraining(seed: 3, step: number);
            losses.Add(model.Loss(Text).Item());
        }

        Assert.HasCount(5, losses);
    }

    [TestMethod]
    public void A_critic_and_self_conditioning_have_x_transformers_keys_and_all_learn()
    {
        using var model = new NonAutoregressiveWrapper(Build(Cpu, s_net), s_options with { SelfCond = true, SelfCondTrainProb = 0.5f, SelfTokenCritic = true });
        string[] names = [.. model.NamedParameters().Select(static p => p.Name)];
        CollectionAssert.IsSubsetOf(
            new[] { "null_embed", "to_self_cond.weight", "token_critic.net.to_logits.weight", "token_critic.to_logits.bias", "net.to_logits.weight" }, names);
        Dictionary<string, float[]> before = model.NamedParameters().ToDictionary(static p => p.Name, static p => p.Value.ToArray());
        using Tensor text = Text;
        using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 0.01, TotalSteps = 200 });
        var losses = new List<double>();
        for (int i = 0; i < 60; i++)
            losses.Add(trainer.Step(() => model.Loss(text)).Loss);
        Assert.IsLessThan(losses[..10].Average() * 0.8, losses[^10..].Average());
        foreach ((string name, Tensor value) in model.NamedParameters())
            CollectionAssert.AreNotEqual(before[name], value.ToArray(), name);
        using Tensor written = model.Generate(3, seed: 1);
        Assert.AreEqual(new Shape(3, Length), written.Shape);
        Assert.IsTrue(written.ToInt64Array().All(static id => id is >= 0 and < Tokens));
    }

    [TestMethod]
    public void A_model_that_learned_one_text_writes_it()
    {
        NonAutoregressiveWrapperOptions options = s_options with { NoReplaceProb = 0, RandomTokenProb = 0, Schedule = "cosine" };
        using var model = new NonAutoregressiveWrapper(Build(Cpu, s_net), options);
        using Tensor text = Tensor.From(Cpu, [1, Length], [1, 2, 3, 4, 5, 6, 7, 8]);
        using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 0.01, TotalSteps = 120 });
        for (int i = 0; i < 120; i++)
            trainer.Step(() => model.Loss(text));
        using Tensor written = model.Generate(startTemperature: 0, seed: 5);
        CollectionAssert.AreEqual(text.ToInt64Array(), written.ToInt64Array());
        using Tensor again = model.Generate(2, seed: 5), same = model.Generate(2, seed: 5);
        CollectionAssert.AreEqual(again.ToInt64Array(), same.ToInt64Array());
    }

    [TestMethod]
    public void Bad_input_is_named()
    {
        using StepScope step = Cpu.BeginStep();
        using TransformerWrapper net = Build(Cpu, s_net), pooled = Build(Cpu, s_net with { AveragePoolEmbed = true }), free = Build(
            Cpu, s_net with { MaxSeqLen = 0 }), narrow = Build(Cpu, s_net with { EmbDim = 8 }), critic = Build(Cpu, s_net with { LogitsDim = 1 });
        void Says(string expected, TransformerWrapper model, NonAutoregressiveWrapperOptions options, TransformerWrapper? judge = null)
            => AssertSays(expected, () => new NonAutoregressiveWrapper(model, options, judge).Dispose());
        Says("MaskId = 11", net, s_options with { MaskId = 11 });
        Says("Schedule = 'quick'", net, s_options with { Schedule = "quick" });
        Says("AveragePoolEmbed", pooled, s_options);
        Says("MaxSeqLen = 0", free, s_options);
        Says("EmbDim = 8", narrow, s_options with { SelfCond = true });
        Says("exclude each other", net, s_options with { SelfTokenCritic = true }, critic);
        Says("LogitsDim = 1", net, s_options, narrow);
        using var model = new NonAutoregressiveWrapper(Build(Cpu, s_net), s_options);
        AssertSays("MaxSeqLen = 8", () => model.Loss(Ids(Cpu, [1, 3], 1, 2, 3)));
        AssertSays("batchSize = 0", () => model.Generate(0));
        AssertSays("filterThres = 1", () => model.Generate(filterThres: 1));
        const string Json = """
            {"class": "NonAutoregressiveWrapper", "kwargs": {"mask_id": 4, "schedule": "cosine", "token_critic": {"class": "TransformerWrapper", "kwargs":
             {"num_tokens": 5, "logits_dim": 1, "max_seq_len": 4, "attn_layers": {"class": "Encoder", "kwargs": {"dim": 8, "depth": 1, "heads": 2}}}}},
             "ctor_args": [{"class": "TransformerWrapper", "kwargs":
             {"num_tokens": 5, "max_seq_len": 4, "attn_layers": {"class": "Encoder", "kwargs": {"dim": 8, "depth": 1, "heads": 2}}}}]}
            """;
        using var built = (NonAutoregressiveWrapper)ModuleFactory.Create(Json, Cpu);
        Assert.IsNotNull(built.Losses(Ids(Cpu, [1, 4], 1, 2, 3, 0)).CriticLoss);
    }
}
