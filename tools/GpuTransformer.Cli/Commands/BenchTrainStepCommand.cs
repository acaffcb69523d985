using System.CommandLine;
using GpuTransformer.Cli.Benchmarks;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>bench train-step</c>: forward, loss, backward and AdamW on the seed model.</summary>
internal static class BenchTrainStepCommand
{
    // A product has two products of its size in its backward pass.
    private const int ForwardsPerStep = 3;

    public static Command Create()
    {
        Option<int> batch = SharedOptions.Size("--batch", "sequences of 64 queries with a context of 128", 8);
        var bench = new BenchOptions();
        return bench.AddTo(new Command("train-step",
            $"One training step of the seed model with AdamW and a mean squared error: {SeedModel.Description}.") { batch }).Runs(invocation =>
        {
            int b = invocation.Require(batch);
            return bench.Run(invocation, $"seed b{b} train-step", ForwardsPerStep * SeedModel.ForwardFlop(b), (device, dtype) =>
            {
                Encoder model = SeedModel.Create(device, dtype);
                Tensor x = SeedModel.Input(device, b, dtype), context = SeedModel.Context(device, b, dtype), target = SeedModel.Input(device, b, dtype);
                var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 1e-4, Decay = Decay.Constant });
                return () => trainer.Step(() => Operators.MeanSquaredError(model.Forward(x, context: context), target));
            });
        });
    }
}
