using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Training;

/// <summary>A training loop by hand that disposes nothing, not even its tapes, or the steps that it opens.</summary>
[TestClass]
public sealed class ForgetfulTrainingTests
{
    [TestMethod]
    [DataRow("cpu", 600, false)]
    [DataRow("opencl", 100, false)]
    [DataRow("cpu", 600, true)]
    public void It_takes_bounded_memory(string id, int steps, bool inSteps)
    {
        using ComputeDevice device = TestDevices.OpenNew(id);
        var model = new Encoder(new AttentionLayersOptions { Dim = 32, Depth = 1, Heads = 2, Attn = new() { DimHead = 16 }, Ff = new() { Mult = 2 } }, device);
        var optimizer = new AdamW(TrainedParameter.Of(model));
        float[] numbers = [.. Enumerable.Range(0, 24 * 32 * 32).Select(static i => MathF.Sin(i))];
        float first = 0, last = 0;
        for (int i = 0; i < steps; i++)
        {
            StepScope tape = inSteps ? device.BeginStep(record: true, training: new(1, i)) : device.BeginTape();
            Tensor x = Tensor.From(device, [24, 32, 32], numbers);
            Tensor loss = Operators.MeanSquaredError(model.Forward(x), Operators.Scale(x, 0.5f));
            tape.Backward(loss);
            optimizer.Step(1e-3f);
            foreach ((string _, Tensor parameter) in model.NamedParameters())
                parameter.ClearGradient();
            if (i == 0 || i == steps - 1)
                (first, last) = (last, loss.ToArray()[0]);
        }

        DeviceStatistics statistics = device.Statistics;
        Assert.IsLessThan(100L << 20, statistics.BytesAllocated, "All that was made takes 140 MB where the steps are few, and 850 MB where they are many.");
        Assert.IsLessThan(first, last);
        GC.KeepAlive(model);
    }
}
