using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Training;

/// <summary>
/// Where models drop, that they drop in training only, and that what is dropped depends on seed, step, batch and the order of the calls alone.
/// </summary>
[TestClass]
public sealed class DropoutTests
{
    private const int Dim = 16;

    private static readonly AttentionLayersOptions s_dropping = new()
    {
        Dim = Dim, Depth = 2, Heads = 2, Attn = new() { DimHead = 8, Dropout = 0.2f, SublayerDropout = 0.1f },
        Ff = new() { Mult = 2, Dropout = 0.2f, SublayerDropout = 0.1f }, LayerDropout = 0.3f,
    };

    [TestMethod]
    [DeviceRows]
    public void Evaluation_drops_nothing(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Encoder dropping = new(s_dropping, device), plain = new(
            s_dropping with
            {
                Ff = s_dropping.Ff with { Dropout = 0, SublayerDropout = 0 }, Attn = s_dropping.Attn with { Dropout = 0, SublayerDropout = 0 },
                LayerDropout = 0,
            },
            device);
        using StepScope step = device.BeginStep();
        Tensor x = Input(device);
        float[] expected = plain.Forward(x).ToArray();
        CollectionAssert.AreEqual(expected, dropping.Forward(x).ToArray());
        using StepScope training = device.BeginTraining(1, 0);
        CollectionAssert.AreNotEqual(expected, dropping.Forward(x).ToArray());
        CollectionAssert.AreEqual(expected, plain.Forward(x).ToArray());
        using (StepScope evaluation = device.BeginEvaluation())
            CollectionAssert.AreEqual(expected, dropping.Forward(x).ToArray());
        CollectionAssert.AreNotEqual(expected, dropping.Forward(x).ToArray());
    }

    [TestMethod]
    public void Seed_step_batch_and_order_each_change_the_mask_and_nothing_else_does()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        string[] distinct =
        [
            Mask(device, 1, 2, 3, 0), Mask(device, 2, 2, 3, 0), Mask(device, -1, 2, 3, 0), Mask(device, 1, 3, 3, 0), Mask(device, 1, 2, 4, 0),
            Mask(device, 1, 2, 3, 1),
        ];
        Assert.AreEqual(distinct.Length, distinct.Distinct().Count());
        Assert.AreEqual(distinct[0], Mask(device, 1, 2, 3, 0));
        Assert.AreEqual(distinct[0], Mask(TestDevices.Get("opencl"), 1, 2, 3, 0), "Another device drops others.");
    }

    [TestMethod]
    [DeviceRows]
    public void A_feedforward_drops_before_and_after_its_second_layer(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var model = new FeedForward(new FeedForwardOptions { Dim = Dim, Mult = 2, Dropout = 0.4f, SublayerDropout = 0.3f, PostActLn = true }, device);
        Dictionary<string, Tensor> p = model.NamedParameters().ToDictionary(static n => n.Name, static n => n.Value);
        using StepScope step = device.BeginStep();
        Tensor x = Input(device), actual;
        using (device.BeginTraining(7, 1))
            actual = model.Forward(x);
        using (device.BeginTraining(7, 1))
        {
            Tensor inner = Operators.LayerNorm(Operators.Linear(x, p["ff.0.0.weight"], p["ff.0.0.bias"], Activation.Gelu), p["ff.1.gamma"], 0f);
            Tensor outer = Operators.Dropout(Operators.Linear(Operators.Dropout(inner, 0.4f), p["ff.3.weight"], p["ff.3.bias"]), 0.3f);
            CollectionAssert.AreEqual(outer.ToArray(), actual.ToArray());
        }
    }

    [TestMethod]
    [DeviceRows]
    public void An_attention_drops_after_its_projection(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var model = new Attention(new AttentionOptions { Dim = Dim, Heads = 2, DimHead = 8, SublayerDropout = 0.5f }, device);
        using StepScope step = device.BeginStep();
        Tensor x = Input(device);
        float[] plain = model.Forward(x).ToArray(), dropped;
        using (device.BeginTraining(7, 1))
            dropped = model.Forward(x).ToArray();
        int zeros = 0;
        for (int i = 0; i < plain.Length; i++)
        {
            zeros += dropped[i] == 0 ? 1 : 0;
            Assert.IsTrue(dropped[i] == 0 || Math.Abs(dropped[i] - 2 * plain[i]) <= 1e-5f, $"Element {i}: {plain[i]} became {dropped[i]}.");
        }

        Assert.IsTrue(zeros > plain.Length / 4 && zeros < plain.Length * 3 / 4, $"{zeros} of {plain.Length} dropped.");
    }

    [TestMethod]
    [DeviceRows]
    public void Attention_drops_probabilities_of_its_own_in_every_call(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var core = new Attend(new AttendOptions { Dropout = 0.5f }, device);
        using var module = new Attention(new AttentionOptions { Dim = Dim, Heads = 2, DimHead = 8, Dropout = 0.5f }, device);

        // Equal scores and values that single one key out: what comes out is how often it was kept, 0 or 2 / keys.
        Tensor x = Tensor.Zeros(device, [1, 2, 40, 8]), v = Tensor.Zeros(device, [1, 2, 40, 8]), input = Input(device);
        v.Write([.. Enumerable.Range(0, 640).Select(static i => i / 8 % 40 == 3 ? 40f : 0f)]);
        float[] evaluated = core.Forward(x, x, v).ToArray(), plain = module.Forward(input).ToArray(), first, second;
        using (device.BeginTraining(7, 1))
        {
            (first, second) = (core.Forward(x, x, v).ToArray(), core.Forward(x, x, v).ToArray());
            CollectionAssert.AreNotEqual(plain, module.Forward(input).ToArray());
        }

        Assert.IsTrue(evaluated.All(static o => Math.Abs(o - 1) < 1e-5f));
        Assert.IsTrue(first.All(static o => o == 0 || Math.Abs(o - 2) < 1e-5f));
        Assert.IsTrue(first.Count(static o => o == 0) is > 192 and < 448, "Half of them.");
        CollectionAssert.AreNotEqual(first, second);
    }

    [TestMethod]
    public void Layer_dropout_leaves_layers_out_and_rescales_nothing()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Encoder(
            s_dropping with
            {
                Ff = s_dropping.Ff with { Dropout = 0, SublayerDropout = 0 }, Attn = s_dropping.Attn with { Dropout = 0, SublayerDropout = 0 },
                LayerDropout = 0.5f,
            },
            device);
        using StepScope step = device.BeginStep();
        Tensor x = Input(device);
        var whole = new List<Tensor>();
        model.Forward(x, hiddens: whole);
        var counts = new HashSet<int>();
        for (int i = 0; i < 40; i++)
        {
            using StepScope training = device.BeginTraining(3, i);
            var hiddens = new List<Tensor>();
            model.Forward(x, hiddens: hiddens);
            counts.Add(hiddens.Count - 1);
            if (hiddens.Count == whole.Count)
                CollectionAssert.AreEqual(whole[^1].ToArray(), hiddens[^1].ToArray());
        }

        CollectionAssert.AreEquivalent(new[] { 0, 1, 2, 3, 4 }, counts.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void A_resumed_run_continues_bit_for_bit(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        string path = Path.Combine(Path.GetTempPath(), $"dropout-{Guid.NewGuid():N}.safetensors");
        try
        {
            using Encoder first = new(s_dropping, device), second = new(s_dropping, device, seed: 9);
            using Trainer whole = Train(first, seed: -5), resumed = Train(second, seed: 6);
            using Tensor x = Input(device), target = Tensor.Zeros(device, x.Shape);
            for (int i = 0; i < 3; i++)
                whole.Step(() => Operators.MeanSquaredError(first.Forward(x), target));
            whole.Save(path);
            resumed.Resume(path);
            Assert.AreEqual(-5, resumed.Seed);
            for (int i = 0; i < 3; i++)
            {
                double expected = whole.Step(() => Operators.MeanSquaredError(first.Forward(x), target)).Loss;
                Assert.AreEqual(expected, resumed.Step(() => Operators.MeanSquaredError(second.Forward(x), target)).Loss);
            }

            foreach (((_, Tensor expected), (_, Tensor actual)) in first.NamedParameters().Zip(second.NamedParameters()))
                CollectionAssert.AreEqual(expected.ToArray(), actual.ToArray());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Accumulated_batches_and_steps_draw_masks_of_their_own()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Linear(4, 4, device);
        using var trainer = new Trainer(
            model, new Sgd(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 1e-3, Decay = Decay.Constant }) { AccumulationSteps = 3, Seed = 2 };
        using Tensor x = Tensor.From(device, [16, 4], Enumerable.Repeat(1f, 64).ToArray()), target = Tensor.Zeros(device, [16, 4]);
        var masks = new List<string>();
        for (int i = 0; i < 2; i++)
        {
            trainer.Step(batch =>
            {
                Assert.AreEqual((2, trainer.StepNumber, batch), (device.Training!.Seed, device.Training.Step, device.Training.Batch));
                Tensor dropped = Operators.Dropout(x, 0.5f);
                masks.Add(string.Join(' ', dropped.ToArray()));
                return Operators.MeanSquaredError(model.Forward(dropped), target);
            });
        }

        Assert.IsNull(device.Training);
        Assert.AreEqual(6, masks.Distinct().Count());
    }

    [TestMethod]
    public void A_training_scope_checks_its_numbers_and_its_order()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => device.BeginTraining(0, -1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => device.BeginTraining(0, 1L << 32));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => device.BeginTraining(0, 0, 4096));
        Assert.IsNull(device.Training);
        using StepScope outer = device.BeginTraining(0, 1);
        using (StepScope middle = device.BeginTraining(0, 2))
        {
            StepScope forgotten = device.BeginTraining(0, 3);
            middle.Dispose();
            Assert.AreSame(outer.Training, device.Training);
            forgotten.Dispose();
        }

        Assert.AreSame(outer.Training, device.Training);
    }

    private static Trainer Train(Encoder model, int seed)
        => new(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 0.01, Decay = Decay.Constant }) { Seed = seed };

    private static Tensor Input(ComputeDevice device)
    {
        var random = new Random(5);
        return Tensor.From(device, [2, 5, Dim], Enumerable.Range(0, 2 * 5 * Dim).Select(_ => random.NextSingle() * 2 - 1).ToArray());
    }

    private static string Mask(ComputeDevice device, int seed, long step, int batch, int before)
    {
        using StepScope scope = device.BeginStep();
        using StepScope training = device.BeginTraining(seed, step, batch);
        for (int i = 0; i < before; i++)
            training.NextUniform();
        return string.Concat(
            Operators.Dropout(Tensor.From(device, [200], Enumerable.Repeat(1f, 200).ToArray()), 0.5f).ToArray().Select(static v => v == 0 ? '0' : '1'));
    }
}
