using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>The next-token loss.</summary>
[TestClass]
public sealed class AutoregressiveWrapperTests
{
    private const int Tokens = 11;

    private static readonly TransformerWrapperOptions s_options = new() { NumTokens = Tokens, MaxSeqLen = 12 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod, DeviceRows]
    public void The_loss_is_the_mean_surprise_at_the_next_tokens(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new AutoregressiveWrapper(Build(device, s_options, causal: true));
        int[] ids = [1, 2, 3, 4, 5, 6];
        (Tensor loss, Tensor logits) = model.LossAndLogits(new TokenInputs(Ids(device, [2, 3], ids)));
        Assert.AreEqual(new Shape(2, 2, Tokens), logits.Shape);
        float[] values = logits.ToArray();
        int[] targets = [2, 3, 5, 6];
        double expected = targets.Select((target, row) => LogSumExp(values.AsSpan(row * Tokens, Tokens)) - values[row * Tokens + target]).Average();
        Assert.AreEqual(expected, loss.ToArray()[0], 1e-5);
        Assert.AreEqual(loss.ToArray()[0], model.Loss(Ids(device, [2, 3], ids)).ToArray()[0]);
    }

    [TestMethod, DeviceRows]
    public void Ids_that_the_host_wrote_are_neither_read_back_nor_uploaded_again(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new AutoregressiveWrapper(Build(device, s_options, causal: true));
        int[] ids = [1, 2, 3, 4, 5, 6, 7, 8];
        foreach (Tensor known in new[] { Ids(device, [2, 4], ids), Tensor.From(device, [2, 4], Array.ConvertAll(ids, static i => (long)i)) })
        {
            model.Loss(known);
            long reads = device.Statistics.Reads;
            (float[] loss, float[] gradient) = (model.Loss(known).ToArray(), Gradient(known));
            Assert.AreEqual(reads + 2, device.Statistics.Reads, "The loss and the gradient, and nothing else.");

            // A copy is not known to the host: the long way must give the same bits.
            Tensor copy = Tensor.Empty(device, known.Shape, known.DType);
            known.CopyBitsTo(copy);
            CollectionAssert.AreEqual(loss, model.Loss(copy).ToArray());
            CollectionAssert.AreEqual(gradient, Gradient(copy));
        }

        float[] Gradient(Tensor tokens)
        {
            Tensor table = model.NamedParameters().First(static p => p.Name == "net.token_emb.emb.weight").Value;
            table.RequiresGradient = true;
            using StepScope tape = device.BeginTape();
            tape.Backward(model.Loss(tokens));
            float[] gradient = table.Gradient!.ToArray();
            table.ClearGradient();
            table.RequiresGradient = false;
            return gradient;
        }
    }

    [TestMethod, DeviceRows]
    public void A_next_token_loss_is_the_loss_of_shifted_targets(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor logits = Tensor.From(device, [2, 3, 5], [.. Enumerable.Range(0, 30).Select(static i => MathF.Sin(i))]);
        logits.RequiresGradient = true;
        int[] ids = [4, -100, 2, 0, 3, 1], shifted = [-100, 2, -100, 3, 1, -100];
        (float[] Loss, float[] Gradient) Run(Func<Tensor> loss)
        {
            using StepScope tape = device.BeginTape();
            Tensor value = loss();
            tape.Backward(value);
            (float[], float[]) result = (value.ToArray(), logits.Gradient!.ToArray());
            logits.ClearGradient();
            return result;
        }

        foreach (float smoothing in new[] { 0f, 0.1f })
        {
            (float[] loss, float[] gradient) = Run(() => Operators.SoftmaxCrossEntropy(logits, Ids(device, [2, 3], shifted), labelSmoothing: smoothing));
            (float[] next, float[] nextGradient) = Run(() => Operators.NextTokenCrossEntropy(logits, Ids(device, [2, 3], ids), labelSmoothing: smoothing));
            (float[] longs, float[] longGradient) = Run(
                () => Operators.NextTokenCrossEntropy(logits, Tensor.From(device, [2, 3], Array.ConvertAll(ids, static i => (long)i)),
                    labelSmoothing: smoothing));
            CollectionAssert.AreEqual(loss, next);
            CollectionAssert.AreEqual(loss, longs);
            CollectionAssert.AreEqual(gradient, nextGradient);
            CollectionAssert.AreEqual(gradient, longGradient);
        }

        AssertSays("holds 5 at position 1", () => Operators.NextTokenCrossEntropy(logits, Ids(device, [2, 3], 9, 5, 2, 0, 3, 1)));
        Operators.NextTokenCrossEntropy(logits, Ids(device, [2, 3], 9, 4, 2, 9, 3, 1));
    }

    [TestMethod]
    public void Ignored_tokens_are_no_targets_and_are_read_as_padding()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new AutoregressiveWrapper(Build(Cpu, s_options, causal: true), new() { IgnoreIndex = -1, PadValue = 9 });
        float Loss(params int[] ids) => model.Loss(Ids(Cpu, [1, ids.Length], ids)).ToArray()[0];
        float[] Logits(params int[] ids) => model.LossAndLogits(new TokenInputs(Ids(Cpu, [1, ids.Length], ids))).Logits.ToArray();
        Assert.AreEqual(Loss(1, 2, 3), Loss(1, 2, 3, -1, -1), 1e-6f, "A causal model does not see what is behind.");
        CollectionAssert.AreEqual(Logits(1, 2, 9, 4), Logits(1, 2, -1, 4));
        Assert.AreNotEqual(Loss(1, 2, 9, 4), Loss(1, 2, -1, 4));
        Assert.AreEqual(0f, Loss(1, -1, -1));
    }

    [TestMethod]
    public void A_length_hides_what_is_behind_it()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new AutoregressiveWrapper(Build(Cpu, s_options, causal: true));
        float two = model.Loss(Ids(Cpu, [1, 2], 1, 2)).ToArray()[0], four = model.Loss(Ids(Cpu, [1, 4], 5, 6, 7, 8)).ToArray()[0];
        Tensor both = Ids(Cpu, [2, 4], 1, 2, 3, 3, 5, 6, 7, 8);
        float mean = model.Loss(new TokenInputs(both), Tensor.From(Cpu, [2], [2, 4])).ToArray()[0];
        Assert.AreEqual((two + 3 * four) / 4, mean, 1e-5f);
    }

    [TestMethod]
    public void Training_it_on_one_sequence_learns_the_sequence()
    {
        using var model = new AutoregressiveWrapper(Build(Cpu, s_options with { TieEmbedding = true }, causal: true));
        using Tensor ids = Ids(Cpu, [1, 6], 3, 1, 4, 1, 5, 9);
        using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 1e-2, TotalSteps = 40 });
        double first = trainer.Step(() => model.Loss(ids)).Loss, last = 0;
        while (trainer.StepNumber < 40)
            last = trainer.Step(() => model.Loss(ids)).Loss;
        Assert.IsGreaterThan(1, first);
        Assert.IsLessThan(0.1, last);
    }

    [TestMethod, DeviceRows]
    public void In_training_some_tokens_are_hidden_at_random_but_never_the_first(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new AutoregressiveWrapper(Build(device, s_options, causal: true), new() { MaskProb = 0.4f });
        Tensor ids = Ids(device, [2, 8], 1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1), padding = Tensor.From(
            device, [2, 8], [.. Enumerable.Range(0, 16).Select(static i => i % 8 < 6)]);
        float whole = model.Loss(ids).Item();
        Assert.AreEqual(whole, model.Loss(ids).Item());
        var losses = new HashSet<float>();
        for (int number = 0; number < 5; number++)
        {
            using StepScope training = device.BeginTraining(seed: 3, step: number);
            losses.Add(model.Loss(ids).Item());
        }

        Assert.HasCount(5, losses);
        Assert.DoesNotContain(whole, losses);
        var hidden = new HashSet<int>();
        for (int number = 0; number < 30; number++)
        {
            using StepScope training = device.BeginTraining(seed: 3, step: number);
            bool[] visible = RandomKeyMask.In(new TokenInputs(ids) { Mask = padding }, 0.4f, device.Training!).SelfAttnKvMask!.ToBoolArray();
            hidden.UnionWith(Enumerable.Range(0, 16).Where(i => !visible[i]));
            Assert.IsTrue(visible[..8].Count(static v => !v) is >= 3 and <= 5, "Three of eight, and two of padding which may be among them.");
        }

        CollectionAssert.AreEquivalent(Enumerable.Range(0, 16).Where(static i => i % 8 != 0).ToArray(), hidden.ToArray());

        // What is behind a length stays hidden.
        float Padded(int last)
        {
            using StepScope training = device.BeginTraining(seed: 3, step: 1);
            Tensor lens = Ids(device, [1], 4);
            return model.Loss(new TokenInputs(Ids(device, [1, 6], 1, 2, 3, 4, 5, last)), lens).Item();
        }

        Assert.AreEqual(Padded(6), Padded(9));
        AssertSays("MaskProb = 0.4", () => model.Loss(new TokenInputs(ids) { SeqStartPos = Ids(device, [2], 0, 1) }));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Predicted_embeddings_add_how_far_off_they_are(bool looped)
    {
        using StepScope step = Cpu.BeginStep();
        var stack = new AttentionLayersOptions { Dim = 8, Depth = 1, Heads = 2, Attn = new() { DimHead = 4 }, PreAndPostNorm = true };
        TransformerWrapper Net() => new(
            new() { NumTokens = Tokens, MaxSeqLen = 0, AddContinuousPredHead = true, Looped = looped }, new Decoder(stack, Cpu, seed: 3), seed: 4);
        using var without = new AutoregressiveWrapper(Net(), new() { NextEmbedLossWeight = 0 });
        using var model = new AutoregressiveWrapper(Net(), new() { NextEmbedLossWeight = 0.3f });
        int[] tokens = [1, 2, -100, 4];
        Tensor ids = Ids(Cpu, [1, 4], tokens), read = Ids(Cpu, [1, 4], 1, 2, 0, 4);
        float[] predicted = model.Net.NextEmbeddings(new TokenInputs(read)).ToArray();
        float[] table = model.NamedParameters().Single(static p => p.Name == "net.token_emb.emb.weight").Value.ToArray();
        double off = new[] { 0, 2 }.Average(i => Enumerable.Range(0, 8).Average(c => Math.Abs(predicted[8 * i + c] - table[8 * tokens[i + 1] + c])));
        Assert.AreEqual(without.Loss(ids).Item() + 0.3 * off, model.Loss(ids).Item(), 1e-5);
        using TransformerWrapper plain = Build(Cpu, s_options, causal: true);
        AssertSays("AddContinuousPredHead = false", () => plain.NextEmbeddings(new TokenInputs(read)));
        AssertSays("EmbDim = 4", () => Build(Cpu, s_options with { AddContinuousPredHead = true, EmbDim = 4 }).Dispose());
        AssertSays("AddContinuousPredHead and UseClsToken", () => Build(Cpu, s_options with { AddContinuousPredHead = true, UseClsToken = true }).Dispose());
    }

    [TestMethod]
    public void Bad_input_is_named()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new AutoregressiveWrapper(Build(Cpu, s_options, causal: true));
        AssertSays("at least two", () => model.Loss(Ids(Cpu, [2, 1], 1, 2)));
        AssertSays("only 0 to 10", () => model.Loss(Ids(Cpu, [1, 2], 1, 11)));
        AssertSays("integers [2]", () => model.Loss(new TokenInputs(Ids(Cpu, [2, 2], 1, 2, 3, 4)), Ids(Cpu, [3], 1, 2, 3)));
        Tensor ids = Ids(Cpu, [1, 2], 1, 2), mask = Tensor.From(Cpu, [1, 2], [true, true]), lens = Ids(Cpu, [1], 2);
        AssertSays("give one of them", () => model.Loss(new TokenInputs(ids) { Mask = mask }, lens));
        using TransformerWrapper pooled = Build(Cpu, s_options with { AveragePoolEmbed = true }), net = Build(Cpu, s_options);
        AssertSays("AveragePoolEmbed", () => _ = new AutoregressiveWrapper(pooled));
        AssertSays("PadValue = 11", () => _ = new AutoregressiveWrapper(net, new() { PadValue = 11 }));
    }

    private static double LogSumExp(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float value in values)
            sum += Math.Exp(value);
        return Math.Log(sum);
    }
}
