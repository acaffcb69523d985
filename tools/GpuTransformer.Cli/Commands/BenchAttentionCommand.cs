using System.CommandLine;
using GpuTransformer.Cli.Benchmarks;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>bench attention</c>: one fused attention call.</summary>
internal static class BenchAttentionCommand
{
    public static Command Create()
    {
        Option<int> batch = SharedOptions.Size("--batch", "sequences", 1), heads = SharedOptions.Size("--heads", "query and key heads", 8);
        Option<int> queries = SharedOptions.Size("--queries", "query positions", 1024), keys = SharedOptions.Size("--keys", "key positions", 1024);
        Option<int> headDim = SharedOptions.Size("--head-dim", "width of a head", 64);
        var causal = new Option<bool>("--causal") { Description = "no key after its query" };
        var bench = new BenchOptions();
        var command = new Command("attention", "One fused attention call: softmax(Q Kᵀ · headDim^-½) V.") { batch, heads, queries, keys, headDim, causal };
        return bench.AddTo(command).Runs(invocation =>
        {
            int b = invocation.Require(batch), h = invocation.Require(heads), m = invocation.Require(queries), n = invocation.Require(keys), d = invocation.Require(headDim);
            bool isCausal = invocation.Get(causal);
            double flop = 4.0 * b * h * m * n * d * (isCausal ? 0.5 : 1);
            return bench.Run(invocation, $"attention b{b} h{h} m{m} n{n} d{d}{(isCausal ? " causal" : string.Empty)}", flop, (device, dtype) =>
            {
                var options = new AttentionOptions { Heads = h, Causal = isCausal ? CausalAlignment.BottomRight : CausalAlignment.None };
                Tensor query = RandomInput.Normal(device, [b, m, h * d], dtype), key = RandomInput.Normal(device, [b, n, h * d], dtype), value = RandomInput.Normal(device, [b, n, h * d], dtype);
                return () => Operators.Attention(query, key, value, options);
            });
        });
    }
}
