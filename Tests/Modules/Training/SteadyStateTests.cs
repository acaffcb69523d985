using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Training;

/// <summary>A long run is a short run repeated: nothing grows.</summary>
[TestClass]
public sealed class SteadyStateTests
{
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Ten_thousand_steps_take_the_memory_of_two(bool everything)
    {
        using ComputeDevice device = TestDevices.OpenNew("cpu");
        var options = new AttentionLayersOptions
        {
            Dim = 8, Depth = 1, Heads = 2, Attn = new() { DimHead = 4 }, Ff = new() { Mult = 1, Dropout = everything ? 0.1f : 0 },
        };
        using var model = new Encoder(options, device) { ComputeDType = everything ? DType.BFloat16 : DType.Float32, CheckpointLayers = everything };
        IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(model);
        using var trainer = new Trainer(model, new AdamW(parameters), new LearningRateSchedule { Peak = 1e-3, Decay = Decay.Constant })
        {
            ClipNorm = 1,
            Average = everything ? new ExponentialMovingAverage(parameters) : null,
        };
        using Tensor x = Tensor.From(device, [1, 2, 8], Enumerable.Range(0, 16).Select(static i => i / 16f).ToArray());
        Tensor Loss() => Operators.MeanSquaredError(model.Forward(x), x);
        for (int i = 0; i < 2; i++)
            trainer.Step(Loss);
        (long, long, long, long) before = Device(device);
        long launches = device.Statistics.Launches, heap = 0;
        var managed = new List<long>(10_000);
        for (int i = 0; i < 10_000; i++)
        {
            StepResult step = trainer.Step(Loss);
            if (i == 100)
                heap = GC.GetTotalMemory(forceFullCollection: true);
            managed.Add(step.ManagedBytes);
        }

        Assert.AreEqual(before, Device(device), "Allocations, bytes allocated, bytes in use, compiled kernels.");
        long grown = GC.GetTotalMemory(forceFullCollection: true) - heap;
        Assert.IsLessThan(100_000, grown, "Ten bytes a step.");

        // On a busy machine the runtime itself allocates now and then on the thread that it interrupts: what nearly every step takes is the step's.
        managed.Sort();
        Assert.IsLessThan(
            250 * (device.Statistics.Launches - launches) / 10_000,
            managed[9_990],
            $"Managed bytes of nearly the largest step, the median being {managed[5_000]}, against the launches of a step.");
    }

    private static (long Allocations, long Allocated, long InUse, long Compiled) Device(ComputeDevice device)
        => (device.Statistics.Allocations, device.Statistics.BytesAllocated, device.Statistics.BytesInUse, device.Statistics.CompiledKernels);
}
