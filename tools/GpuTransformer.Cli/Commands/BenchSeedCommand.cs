using System.CommandLine;
using GpuTransformer.Cli.Benchmarks;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>bench seed</c>: the forward pass of the seed model.</summary>
internal static class BenchSeedCommand
{
    public static Command Create()
    {
        Option<int> batch = SharedOptions.Size("--batch", "sequences of 64 queries with a context of 128", 1);
        var bench = new BenchOptions();
        return bench.AddTo(new Command("seed", $"The seed model's forward pass: {SeedModel.Description}.") { batch }).Runs(invocation =>
        {
            int b = invocation.Require(batch);
            return bench.Run(invocation, $"seed b{b} forward", SeedModel.ForwardFlop(b), (device, dtype) =>
            {
                Encoder model = SeedModel.Create(device, dtype);
                Tensor x = SeedModel.Input(device, b, dtype), context = SeedModel.Context(device, b, dtype);
                return () => model.Forward(x, context: context);
            });
        });
    }
}
