using System.CommandLine;
using GpuTransformer.Cli.Benchmarks;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>bench seed</c>: the forward pass of the seed model, four encoder layers of width 256 attending a context of width 512.</summary>
internal static class BenchSeedCommand
{
    private const int Length = 64, ContextLength = 128;

    private static readonly AttentionLayersOptions Seed = new() { Dim = 256, Depth = 4, Heads = 4, AlibiPosBias = true, CrossAttend = true, CrossAttnDimContext = 512 };

    public static Command Create()
    {
        Option<int> batch = SharedOptions.Size("--batch", "sequences of 64 queries with a context of 128", 1);
        var bench = new BenchOptions();
        return bench.AddTo(new Command("seed", "The seed model: Encoder(dim 256, depth 4, heads 4, ALiBi, cross-attention to a 512-wide context).") { batch }).Runs(invocation =>
        {
            int b = invocation.Require(batch);
            return bench.Run(invocation, $"seed b{b} forward", Flop(b), (device, dtype) =>
            {
                var model = new Encoder(Seed, device, seed: 0, dtype);
                Tensor x = RandomInput.Normal(device, [b, Length, 256], dtype), context = RandomInput.Normal(device, [b, ContextLength, 512], dtype);
                return () => model.Forward(x, context: context);
            });
        });
    }

    // Multiplications and additions of the matrix products and of both attentions; norms, activations and softmax are not counted.
    private static double Flop(int batch)
    {
        const double Projections = Length * (6 * 256 * 256 + 2 * 256 * 1024) + ContextLength * 2 * 512 * 256;
        const double Scores = 2 * Length * (Length + ContextLength) * 256;
        return 2.0 * 4 * batch * (Projections + Scores);
    }
}
