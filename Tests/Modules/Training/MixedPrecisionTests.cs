using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Training;

/// <summary>Float32 parameters, modules that compute in two bytes, float32 losses and gradients.</summary>
[TestClass]
public sealed class MixedPrecisionTests
{
    private const int Dim = 16;

    private static readonly AttentionLayersOptions s_plain = new() { Dim = Dim, Depth = 1, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 2 } };

    private static readonly Dictionary<string, AttentionLayersOptions> s_models = new()
    {
        ["plain"] = s_plain with { AlibiPosBias = true },
        ["rms"] = s_plain with
        {
            UseRmsnorm = true, Ff = s_plain.Ff with { Glu = true, Swish = true, GluMultBias = true }, ScaleResidual = true, ScaleResidualConstant = 0.9f,
        },
        ["scale"] = s_plain with
        {
            UseScalenorm = true, Attn = s_plain.Attn with { QkNorm = true, QkNormDimScale = true }, UseLayerscale = true, LayerscaleInitValue = 0.5f,
            SandwichNorm = true,
        },
        ["simple"] = s_plain with
        {
            UseSimpleRmsnorm = true, Attn = s_plain.Attn with { QkRmsnorm = true, ValueRmsnorm = true, NumMemKv = 2, AddZeroKv = true },
        },
        ["tanh"] = s_plain with { UseDynamicTanh = true, GateResidual = true, ScaleResidual = true },
        ["derf"] = s_plain with { UseDerf = true, Attn = s_plain.Attn with { GateValues = true, GateValueHeads = true, HeadScale = true } },
        ["adaptive"] = s_plain with { UseAdaptiveLayernorm = true, UseAdaptiveLayerscale = true, DimCondition = 6, AdaptiveConditionMlp = true },
        ["cross"] = s_plain with
        {
            CrossAttend = true, CrossAttn = s_plain.Attn with { OnAttn = true, DimContext = 10 }, Attn = s_plain.Attn with { OnAttn = true },
            Ff = s_plain.Ff with { PostActLn = true }, Macaron = true, SoftclampOutput = true,
        },
    };

    public static IEnumerable<object[]> Models => s_models.Keys.Select(static name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Every_parameter_gets_a_float_gradient_near_the_one_in_float(string name)
    {
        (ComputeDevice device, AttentionLayersOptions options) = (TestDevices.Get("cpu"), s_models[name]);
        foreach (DType dtype in new[] { DType.BFloat16, DType.Float16 })
        {
            using Encoder wide = new(options, device), narrow = new(options, device) { ComputeDType = dtype };
            Dictionary<string, float[]> expected = Gradients(wide), actual = Gradients(narrow);
            CollectionAssert.AreEquivalent(expected.Keys, actual.Keys);
            double size = Math.Sqrt(expected.Values.Sum(static g => g.Sum(static v => (double)v * v)));
            foreach ((string key, float[] gradient) in expected)
            {
                double norm = Math.Sqrt(gradient.Sum(static v => (double)v * v)), apart = Math.Sqrt(
                    gradient.Zip(actual[key], static (a, b) => (double)(a - b) * (a - b)).Sum());
                Assert.IsLessThan(
                    (dtype == DType.BFloat16 ? 0.1 : 0.02) * (norm + 0.05 * size),
                    apart,
                    $"{name}, {dtype}: the gradient of '{key}', of norm {norm:g3}, is off by {apart:g3}.");
            }
        }
    }

    [TestMethod]
    [DeviceRows(DType.BFloat16, 0.02), DeviceRows(DType.Float16, 0.002)]
    public void Training_follows_the_float_curve(string id, DType dtype, double tolerance)
    {
        ComputeDevice device = TestDevices.Get(id);
        AttentionLayersOptions options = s_plain with { AlibiPosBias = true };
        double[] wide = Curve(device, options, DType.Float32), narrow = Curve(device, options, dtype);
        for (int i = 0; i < wide.Length; i++)
            Assert.AreEqual(wide[i], narrow[i], tolerance * wide[i], $"The loss of step {i} in {dtype}.");
        Assert.IsLessThan(0.1 * narrow[0], narrow[^1], "It did not learn.");
        CollectionAssert.AreNotEqual(wide, narrow, "Nothing was computed in two bytes.");
    }

    [TestMethod]
    [DeviceRows]
    public void An_overflow_halves_the_scale_and_touches_nothing(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var model = new Encoder(s_plain with { AlibiPosBias = true }, device) { ComputeDType = DType.Float16 };
        IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(model);
        using var trainer = new Trainer(model, new AdamW(parameters), new LearningRateSchedule { Peak = 0.01, Decay = Decay.Constant })
        {
            LossScaler = new LossScaler(1 << 24),
            Average = new ExponentialMovingAverage(parameters),
        };
        using Tensor x = Input(device, 1), target = Input(device, 2);
        Tensor Loss() => Operators.MeanSquaredError(model.Forward(x), target);
        float[][] before = State(trainer);
        StepResult first = trainer.Step(Loss);
        Assert.IsTrue(first.Skipped, $"A gradient of {first.GradientNorm} did not overflow.");
        Assert.IsFalse(double.IsFinite(first.GradientNorm));
        Assert.IsTrue(double.IsFinite(first.Loss));
        Assert.AreEqual(1 << 24, first.LossScale);
        Assert.AreEqual(1 << 23, trainer.LossScaler.Scale);
        Assert.AreEqual(0, trainer.Optimizer.StepCount);
        foreach ((float[] old, float[] now) in before.Zip(State(trainer)))
            CollectionAssert.AreEqual(old, now);
        for (int i = 0; i < 12; i++)
            trainer.Step(Loss);
        Assert.IsGreaterThan(0, trainer.Optimizer.StepCount, "The scale never became small enough.");
        Assert.AreEqual(13 - trainer.SkippedSteps, trainer.Optimizer.StepCount);
    }

    [TestMethod]
    public void The_loss_is_scaled_in_float16_only()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        foreach ((DType dtype, float scale) in new[] { (DType.Float32, 1f), (DType.BFloat16, 1f), (DType.Float16, 65536f) })
        {
            using var model = new Linear(2, 2, device) { ComputeDType = dtype };
            using var trainer = new Trainer(model, new Sgd(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 0.1, Decay = Decay.Constant });
            Assert.AreEqual(scale, trainer.LossScaler.Scale);
        }

        using var partly = new Encoder(s_plain, device);
        partly.Children[0].Value.ComputeDType = DType.Float16;
        using var whole = new Trainer(partly, new Sgd(TrainedParameter.Of(partly)), new LearningRateSchedule { Peak = 0.1, Decay = Decay.Constant });
        Assert.AreEqual(65536f, whole.LossScaler.Scale, "A part computes in float16.");
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Tokens_are_embedded_in_float_and_computed_in_two_bytes(bool tied)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new TransformerWrapper(
            new TransformerWrapperOptions
            {
                NumTokens = 11, MaxSeqLen = 8, NumMemoryTokens = 2, TieEmbedding = tied, EmbDim = tied ? null : 12, PostEmbNorm = !tied, L2normEmbed = tied,
            },
            new Decoder(s_plain, device)) { ComputeDType = DType.BFloat16 };
        IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(model);
        using StepScope step = device.BeginStep();
        using StepScope tape = device.BeginTape();
        Tensor ids = Tensor.From(device, [2, 6], Enumerable.Range(0, 12).Select(static i => i % 11).ToArray()), logits = model.Forward(ids);
        Assert.AreEqual(DType.BFloat16, logits.DType);
        tape.Backward(Operators.SoftmaxCrossEntropy(logits, ids));
        foreach (TrainedParameter parameter in parameters)
            Assert.AreEqual(DType.Float32, parameter.Value.Gradient?.DType, parameter.Name);
    }

    [TestMethod]
    public void A_masked_autoencoder_computes_in_two_bytes()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        foreach (MaskedDecoder decoder in Enum.GetValues<MaskedDecoder>())
        {
            var options = new MaskedAutoencoderOptions
            {
                GridRows = 2, GridColumns = 2, PatchDim = 3, EncoderDim = 8, DecoderDim = 4, EncoderDepth = 1, DecoderDepth = 1, DimHead = 4, Decoder = decoder,
            };
            using var model = new MaskedAutoencoder(options, device);
            using StepScope step = device.BeginStep();
            Tensor visible = Tensor.From(
                device, [1, 2, 3], [1f, 2, 3, -1, -2, -3]), seen = Tensor.From(device, [1, 2], [0, 3]), hidden = Tensor.From(device, [1, 2], [1, 2]);
            float[] expected = model.Forward(visible, seen, hidden).ToArray();
            model.ComputeDType = DType.BFloat16;
            Tensor actual = model.Forward(visible, seen, hidden);
            Assert.AreEqual(DType.BFloat16, actual.DType);
            foreach ((float wide, float narrow) in expected.Zip(actual.ToArray()))
                Assert.AreEqual(wide, narrow, 0.03f);
        }
    }

    [TestMethod]
    public void Sequences_and_images_are_computed_in_two_bytes()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var sequences = new ContinuousTransformerWrapper(
            new ContinuousTransformerWrapperOptions { DimIn = 3, DimOut = 2, MaxSeqLen = 8, NumMemoryTokens = 2, PostEmbNorm = true },
            new Encoder(s_plain, device));
        using var images = new ViTransformerWrapper(
            new ViTransformerWrapperOptions { ImageSize = 4, PatchSize = 2, NumClasses = 3, NumRegisterTokens = 1 }, new Encoder(s_plain, device));
        using StepScope step = device.BeginStep();
        Tensor sequence = Tensor.From(device, [2, 5, 3], [.. Numbers(1, 30)]), image = Tensor.From(device, [2, 3, 4, 4], [.. Numbers(2, 96)]);
        foreach ((Module model, Func<Tensor> forward) in new (Module, Func<Tensor>)[] { (sequences, () => sequences.Forward(sequence)),
            (images, () => images.Forward(image)) })
        {
            float[] expected = forward().ToArray();
            model.ComputeDType = DType.BFloat16;
            IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(model);
            using StepScope tape = device.BeginTape();
            Tensor actual = forward();
            Assert.AreEqual(DType.BFloat16, actual.DType);
            foreach ((float wide, float narrow) in expected.Zip(actual.ToArray()))
                Assert.AreEqual(wide, narrow, 0.05f);
            tape.Backward(Operators.MeanSquaredError(actual, Tensor.Zeros(device, actual.Shape)));
            foreach (TrainedParameter parameter in parameters)
                Assert.AreEqual(DType.Float32, parameter.Value.Gradient?.DType, parameter.Name);
        }
    }

    [TestMethod]
    public void Inputs_may_be_of_either_type_and_of_no_other()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Encoder(s_plain, device);
        using StepScope step = device.BeginStep();
        Tensor x = Input(device, 1), half = Operators.Cast(x, DType.Float16), brain = Operators.Cast(x, DType.BFloat16);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => model.Forward(half)).Message, "ComputeDType");
        model.ComputeDType = DType.BFloat16;
        Assert.ThrowsExactly<ArgumentException>(() => model.Forward(half));
        CollectionAssert.AreEqual(model.Forward(x).ToArray(), model.Forward(brain).ToArray());
        Assert.ThrowsExactly<ArgumentException>(() => model.ComputeDType = DType.Int32);
        Assert.IsTrue(model.Children.All(static c => c.Value.ComputeDType == DType.BFloat16));
    }

    private static double[] Curve(ComputeDevice device, AttentionLayersOptions options, DType dtype)
    {
        using var model = new Encoder(options, device, seed: 2) { ComputeDType = dtype };
        using var trainer = new Trainer(
            model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 0.02, WarmUpSteps = 3, TotalSteps = 40 }) { ClipNorm = 1 };
        using Tensor x = Input(device, 1), target = Input(device, 2);
        return [.. Enumerable.Range(0, 40).Select(_ => trainer.Step(() => Operators.MeanSquaredError(model.Forward(x), target)).Loss)];
    }

    private static Dictionary<string, float[]> Gradients(Encoder model)
    {
        ComputeDevice device = model.Device;
        IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(model);
        using StepScope step = device.BeginStep();
        using StepScope tape = device.BeginTape();
        Tensor x = Input(device, 1), target = Input(device, 2);
        x.RequiresGradient = true;
        Tensor? context = model.Options.CrossAttend ? Input(device, 3, 10) : null, condition = model.Options.UseAdaptiveLayernorm ? Tensor.From(
            device, [2, 6], [.. Numbers(4, 12)]) : null;
        tape.Backward(Operators.MeanSquaredError(model.Forward(x, context, condition: condition), target));
        Assert.AreEqual(DType.Float32, x.Gradient!.DType);
        var result = new Dictionary<string, float[]> { ["x"] = x.Gradient.ToArray() };
        x.ClearGradient();
        foreach (TrainedParameter parameter in parameters)
        {
            Assert.AreEqual(DType.Float32, parameter.Value.Gradient?.DType, parameter.Name);
            result.Add(parameter.Name, parameter.Value.Gradient!.ToArray());
            parameter.Value.ClearGradient();
        }

        return result;
    }

    private static float[][] State(Trainer trainer)
        => [.. trainer.Model.NamedParameters().Concat(trainer.Optimizer.State).Concat(trainer.Average!.NamedAverages()).Select(static n => n.Value.ToArray())];

    private static Tensor Input(ComputeDevice device, int seed, int dim = Dim) => Tensor.From(device, [2, 5, dim], [.. Numbers(seed, 2 * 5 * dim)]);

    private static IEnumerable<float> Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1);
    }
}
