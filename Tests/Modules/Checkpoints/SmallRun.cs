using System.Globalization;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Checkpoints;

/// <summary>A run of a linear layer with everything that a training checkpoint keeps: moments, averages, a loss scale.</summary>
internal sealed class SmallRun : IDisposable
{
    public const int TotalSteps = 20;

    private readonly Linear _model;
    private readonly ComputeDevice _device;

    public SmallRun(ComputeDevice device, int seed, double finalRate = 0, bool scalesLoss = true)
    {
        _device = device;
        _model = new Linear(4, 3, device, seed: seed);
        IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(_model);
        Trainer = new Trainer(_model, new AdamW(parameters), new LearningRateSchedule { Peak = 0.01, TotalSteps = TotalSteps, Final = finalRate })
        {
            Average = new ExponentialMovingAverage(parameters, 0.9),
            LossScaler = new LossScaler(scalesLoss ? 1024f : 1f, growthInterval: 100),
            Seed = seed,
        };
    }

    public Trainer Trainer { get; }

    public void Steps(int count)
    {
        for (int i = 0; i < count; i++)
            Trainer.Step(
                () => Operators.MeanSquaredError(_model.Forward(Tensor.From(_device, [2, 4], [1f, 2f, 3f, 4f, -1f, 0f, 1f, 2f])),
                    Tensor.Zeros(_device, [2, 3])));
    }

    /// <summary>All that a checkpoint keeps.</summary>
    public (float[][] Numbers, string Counters) State() => (
        [
            .. _model.NamedParameters().Select(static p => p.Value.ToArray()),
            .. Trainer.Optimizer.State.Select(static s => s.Value.ToArray()),
            .. Trainer.Average!.NamedAverages().Select(static a => a.Value.ToArray()),
        ],
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Trainer.StepNumber} {Trainer.Optimizer.StepCount} {Trainer.SkippedSteps} {Trainer.Seed} {Trainer.LossScaler.Scale} "
            + $"{Trainer.LossScaler.GoodSteps}"));

    public void Dispose()
    {
        Trainer.Dispose();
        _model.Dispose();
    }
}
