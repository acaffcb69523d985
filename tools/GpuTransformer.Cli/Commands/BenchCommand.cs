using System.CommandLine;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>bench</c>: how fast it is, and what a call costs besides time.</summary>
internal static class BenchCommand
{
    public static Command Create() => new("bench", "Measure time per call, GFLOP/s, kernels launched and memory allocated.")
    {
        BenchSeedCommand.Create(),
        BenchTrainStepCommand.Create(),
        BenchAttentionCommand.Create(),
        BenchMatmulCommand.Create(),
        BenchDecodeCommand.Create(),
    };
}
