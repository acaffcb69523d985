using System.CommandLine;
using GpuTransformer.Cli.Benchmarks;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>bench attention</c>: one fused attention call, and with <c>--backward</c> its gradients too, through the tape.</summary>
internal static class BenchAttentionCommand
{
    // Two products forward; backward those of the scores again, and four more.
    private const double BackwardPerForward = 2.5;

    public static Command Create()
    {
        Option<int> batch = SharedOptions.Size("--batch", "sequences", 1), heads = SharedOptions.Size("--heads", "query and key heads", 8);
        Option<int> queries = SharedOptions.Size("--queries", "query positions", 1024), keys = SharedOptions.Size("--keys", "key positions", 1024);
        Option<int> headDim = SharedOptions.Size("--head-dim", "width of a head", 64);
        var distances = new Option<int>("--distances") { Description = "entries of a table of biases by distance, for each head; 0 for none" };
        var causal = new Option<bool>("--causal") { Description = "no key after its query" };
        var backward =
            new Option<bool>("--backward") { Description = "forward and backward, and the device memory that they take beyond inputs, outputs and gradients" };
        var bench = new BenchOptions();
        var command = new Command(
            "attention", "One fused attention call: softmax(Q Kᵀ · headDim^-½) V.") { batch, heads, queries, keys, headDim, causal, distances, backward };
        return bench.AddTo(command).Runs(invocation =>
        {
            int b = invocation.Require(batch), h = invocation.Require(heads), m = invocation.Require(queries), n = invocation.Require(keys), d = invocation
                .Require(headDim);
            int span = invocation.Get(distances);
            bool isCausal = invocation.Get(causal), isBackward = invocation.Get(backward);
            double flop = 4.0 * b * h * m * n * d * (isCausal ? 0.5 : 1) * (isBackward ? 1 + BackwardPerForward : 1);
            string rules = $"{(isCausal ? " causal" : string.Empty)}{(span > 0 ? $" {span} distances" : string.Empty)}";
            string name = $"attention b{b} h{h} m{m} n{n} d{d}{rules}{(isBackward ? " forward and backward" : string.Empty)}";

            // The output and the query's gradient; the key's and the value's. The gradients that they are added to are there before the measured call.
            (long Numbers, long Tokens)? results = isBackward ? (2L * b * h * d * (m + n), (long)b * m) : null;
            return bench.Run(invocation, name, flop, (device, dtype) => Prepare(device, dtype, (b, h, m, n, d), isCausal, span, isBackward), results);
        });
    }

    private static Action Prepare(
        ComputeDevice device, DType dtype, (int Batch, int Heads, int Queries, int Keys, int HeadDim) size, bool isCausal, int span, bool isBackward)
    {
        Tensor? table = span > 0 ? RandomInput.Normal(device, [size.Heads, span], DType.Float32) : null;
        var options = new ScoreOptions
        {
            Heads = size.Heads, Causal = isCausal ? CausalAlignment.BottomRight : CausalAlignment.None, DistanceBias = table, DistanceOrigin = span / 2,
        };
        Shape queries = [size.Batch, size.Queries, size.Heads * size.HeadDim], keys = [size.Batch, size.Keys, size.Heads * size.HeadDim];
        Tensor query =
            RandomInput.Normal(device, queries, dtype), key = RandomInput.Normal(device, keys, dtype), value = RandomInput.Normal(device, keys, dtype);
        if (!isBackward)
            return () => Operators.Attention(query, key, value, options);
        if (table is not null)
            table.RequiresGradient = true;
        query.RequiresGradient = key.RequiresGradient = value.RequiresGradient = true;
        Tensor outputGradient = RandomInput.Normal(device, queries, dtype);
        void Call()
        {
            using StepScope tape = device.BeginTape();
            tape.Backward(Operators.Attention(query, key, value, options), outputGradient);
        }

        // From here on there are gradients to add to: every measured call is the same.
        using (device.BeginStep())
            Call();
        return Call;
    }
}
