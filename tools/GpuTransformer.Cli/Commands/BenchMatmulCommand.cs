using System.CommandLine;
using GpuTransformer.Cli.Benchmarks;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>bench matmul</c>: one matrix product as a linear layer makes it.</summary>
internal static class BenchMatmulCommand
{
    public static Command Create()
    {
        Option<int> m = SharedOptions.Size("--m", "rows of the input", 1024), n = SharedOptions.Size(
            "--n", "rows of the weight", 1024), k = SharedOptions.Size("--k", "width of both", 1024);
        var bench = new BenchOptions();
        return bench.AddTo(new Command("matmul", "One matrix product, [m, k] · [n, k]ᵀ.") { m, n, k }).Runs(invocation =>
        {
            int rows = invocation.Require(m), columns = invocation.Require(n), inner = invocation.Require(k);
            return bench.Run(invocation, $"matmul {rows}x{columns}x{inner}", 2.0 * rows * columns * inner, (device, dtype) =>
            {
                Tensor input = RandomInput.Normal(device, [rows, inner], dtype), weight = RandomInput.Normal(device, [columns, inner], dtype);
                return () => Operators.Linear(input, weight);
            });
        });
    }
}
