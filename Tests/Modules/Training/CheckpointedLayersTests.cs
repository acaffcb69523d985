using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Training;

/// <summary>Layers that are computed again on the way back: the same bits for less memory.</summary>
[TestClass]
public sealed class CheckpointedLayersTests
{
    private const int Dim = 16;

    private static readonly AttentionOptions s_dropping = new() { DimHead = 8, Dropout = 0.2f, SublayerDropout = 0.2f };

    private static readonly AttentionLayersOptions s_options = new()
    {
        Dim = Dim, Depth = 2, Heads = 2, Attn = s_dropping, Ff = new() { Mult = 2, Dropout = 0.2f }, AlibiPosBias = true, CrossAttend = true,
        CrossAttn = s_dropping with { DimContext = 10 }, UseAdaptiveLayernorm = true, DimCondition = 6, LayerDropout = 0.2f,
    };

    [TestMethod]
    [DeviceRows(DType.Float32), DeviceRows(DType.BFloat16)]
    public void Loss_and_gradients_agree_in_every_bit(string id, DType dtype)
    {
        using Encoder model = new(s_options, TestDevices.Get(id)) { ComputeDType = dtype };
        float[][] expected = Run(model, closedEarly: false);
        model.CheckpointLayers = true;
        Compare(expected, Run(model, closedEarly: false));
        Compare(expected, Run(model, closedEarly: true));
    }

    [TestMethod]
    public void The_peak_is_much_lower()
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        using var model = new Encoder(new AttentionLayersOptions { Dim = 32, Depth = 8, Heads = 2, Attn = new() { DimHead = 16 } }, device);
        long whole = Peak(model);
        model.CheckpointLayers = true;
        long checkpointed = Peak(model);
        Assert.IsLessThan(0.4 * whole, checkpointed, $"{checkpointed} bytes in place of {whole}.");
    }

    [TestMethod]
    public void An_evaluation_computes_once()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Encoder(new AttentionLayersOptions { Dim = Dim, Depth = 2, Heads = 2, Attn = new() { DimHead = 8 } }, device);
        using StepScope step = device.BeginStep();
        Tensor x = Input(device, 1, Dim);
        long before = device.Statistics.Launches;
        model.Forward(x);
        long plain = device.Statistics.Launches - before;
        model.CheckpointLayers = true;
        model.Forward(x);
        Assert.AreEqual(2 * plain, device.Statistics.Launches - before);
    }

    [TestMethod]
    [DeviceRows]
    public void Several_inputs_and_nesting_give_the_gradients_of_the_plain_computation(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        float[][] plain = Nested(device, static (_, compute) => compute()), checkpointed = Nested(device, static (d, compute) => d.Checkpoint(compute));
        Compare(plain, checkpointed);
    }

    [TestMethod]
    public void What_needs_no_gradient_or_does_nothing_is_let_through()
    {
        ComputeDevice device = TestDevices.GetSettled("cpu");
        using StepScope step = device.BeginStep();
        using StepScope tape = device.BeginTape();
        Tensor x = Tensor.From(device, [2], [1f, 2f]), constant = Tensor.From(device, [2], [3f, 4f]);
        x.RequiresGradient = true;
        Tensor scaled = Operators.Scale(x, 2);
        Tensor same = device.Checkpoint(() => scaled), fixedOne = device.Checkpoint(() => Operators.Scale(constant, 2));
        int recorded = tape.RecordedCalls;
        Assert.AreEqual(2, recorded, "The scaling and the checkpoint that passes it on.");
        tape.Backward(Operators.Multiply(same, fixedOne), Tensor.From(device, [2], [1f, 1f]));
        CollectionAssert.AreEqual(new[] { 12f, 16f }, x.Gradient!.ToArray());
        x.ClearGradient();
    }

    // A product of two inputs, one of which is used outside too, within two checkpoints, with a part that lets no gradient through.
    private static float[][] Nested(ComputeDevice device, Func<ComputeDevice, Func<Tensor>, Tensor> run)
    {
        using StepScope step = device.BeginStep();
        using StepScope training = device.BeginTraining(1, 2);
        using StepScope tape = device.BeginTape();
        Tensor a = Input(device, 1, 4), b = Input(device, 2, 4);
        a.RequiresGradient = b.RequiresGradient = true;
        Tensor x = Operators.Dropout(Operators.Scale(a, 2), 0.1f);
        Tensor y = run(device, () =>
        {
            Tensor inner = run(device, () => Operators.Dropout(Operators.Multiply(x, b), 0.3f)), teacher;
            using (device.NoGradient())
                teacher = Operators.Scale(x, 3);
            return Operators.Add(Operators.Dropout(inner, 0.3f), Operators.Multiply(inner, teacher));
        });
        y = Operators.Dropout(Operators.Add(y, x), 0.3f);
        tape.Backward(Operators.MeanSquaredError(y, Input(device, 3, 4)));
        float[][] result = [y.ToArray(), a.Gradient!.ToArray(), b.Gradient!.ToArray()];
        a.ClearGradient();
        b.ClearGradient();
        return result;
    }

    private static float[][] Run(Encoder model, bool closedEarly)
    {
        ComputeDevice device = model.Device;
        IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(model);
        using StepScope step = device.BeginStep();
        using StepScope tape = device.BeginTape();
        Tensor x = Input(device, 1, Dim), context = Input(device, 2, 10), condition = Tensor.From(
            device, [2, 6], Enumerable.Range(0, 12).Select(static i => i / 12f).ToArray());
        Tensor mask = Tensor.From(device, [2, 5], Enumerable.Range(0, 10).Select(static i => i % 5 < 4).ToArray());
        foreach (Tensor input in new[] { x, context, condition })
            input.RequiresGradient = true;
        StepScope training = device.BeginTraining(4, 2);
        Tensor loss = Operators.MeanSquaredError(model.Forward(x, context, mask, condition: condition), Input(device, 3, Dim));
        if (closedEarly)
            training.Dispose();
        tape.Backward(loss);
        training.Dispose();
        Tensor[] learning = [x, context, condition, .. parameters.Select(static p => p.Value)];
        float[][] result = [loss.ToArray(), .. learning.Select(static t => t.Gradient?.ToArray() ?? [])];
        foreach (Tensor tensor in learning)
            tensor.ClearGradient();
        return result;
    }

    private static long Peak(Encoder model)
    {
        ComputeDevice device = model.Device;
        TrainedParameter.Of(model);
        long before = device.Statistics.BytesInUse;
        device.Statistics.ResetPeak();
        using (StepScope step = device.BeginStep())
        using (StepScope tape = device.BeginTape())
        {
            Tensor x = Tensor.Zeros(device, [4, 64, 32]);
            tape.Backward(Operators.MeanSquaredError(model.Forward(x), x));
        }

        // The parameters' gradients are the same in both and not what this is about.
        long gradients = device.Statistics.BytesInUse - before;
        foreach ((_, Tensor value) in model.NamedParameters())
            value.ClearGradient();
        return device.Statistics.PeakBytesInUse - before - gradients;
    }

    private static void Compare(float[][] expected, float[][] actual)
    {
        Assert.IsTrue(expected[1].Any(static v => v != 0));
        for (int i = 0; i < expected.Length; i++)
            CollectionAssert.AreEqual(expected[i], actual[i], $"Tensor {i} differs.");
    }

    private static Tensor Input(ComputeDevice device, int seed, int dim)
    {
        var random = new Random(seed);
        return Tensor.From(device, [2, 5, dim], Enumerable.Range(0, 2 * 5 * dim).Select(_ => random.NextSingle() * 2 - 1).ToArray());
    }
}
