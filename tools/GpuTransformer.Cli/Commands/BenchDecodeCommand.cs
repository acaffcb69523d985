using System.CommandLine;
using GpuTransformer.Cli.Benchmarks;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>bench decode</c>: one token more for each sequence, behind a cache of keys and values.</summary>
internal static class BenchDecodeCommand
{
    // The cache is filled by pieces of the sequence, so that a long one needs no long pass.
    private const int Piece = 256;

    public static Command Create()
    {
        Option<int> batch = SharedOptions.Size("--batch", "sequences", 1), length = SharedOptions.Size("--length", "tokens that each has already", 512);
        Option<int> dim = SharedOptions.Size("--dim", "width of the model", 512), depth = SharedOptions.Size("--depth", "blocks", 8);
        Option<int> heads = SharedOptions.Size("--heads", "heads, each dim / heads wide", 8);
        Option<int> tokens = SharedOptions.Size("--tokens", "tokens in the vocabulary", 256);
        var bench = new BenchOptions();
        var command = new Command(
            "decode", "One token more of a decoder with rotary positions and a cache: what writing a text costs per token. Tokens/s are batch / time.")
        {
            batch, length, dim, depth, heads, tokens,
        };
        return bench.AddTo(command).Runs(invocation =>
        {
            (int b, int n, int d, int h) = (invocation.Require(batch), invocation.Require(length), invocation.Require(dim), invocation.Require(heads));
            (int layers, int vocabulary) = (invocation.Require(depth), invocation.Require(tokens));
            double flop = 2.0 * b * (layers * (12.0 * d * d + 2.0 * n * d) + (double)d * vocabulary);
            return bench.Run(invocation, $"decode b{b} n{n} dim {d} depth {layers}", flop, (device, dtype) =>
            {
                var stack = new Decoder(
                    new AttentionLayersOptions { Dim = d, Depth = layers, Heads = h, RotaryPosEmb = true, Attn = new() { DimHead = d / h } }, device, 1, dtype);
                var model = new TransformerWrapper(new TransformerWrapperOptions { NumTokens = vocabulary, MaxSeqLen = 0 }, stack);
                var cache = new KeyValueCache(n + 1);
                Fill(model, cache, b, n);
                Tensor next = Tensor.From(device, [b, 1], new int[b]);
                return () =>
                {
                    using StepScope scope = device.BeginStep();
                    model.Forward(new TokenInputs(next) { Cache = cache });
                    cache.Truncate(n);
                };
            });
        });
    }

    // One sequence is read, and the others are copies of it.
    private static void Fill(TransformerWrapper model, KeyValueCache cache, int batch, int length)
    {
        for (int start = 0; start < length; start += Piece)
        {
            using StepScope scope = model.Device.BeginStep();
            int count = Math.Min(Piece, length - start);
            int[] ids = [.. Enumerable.Range(start, count).Select(i => i * 31 % model.Options.NumTokens)];
            model.Forward(new TokenInputs(Tensor.From(model.Device, [1, count], ids)) { Cache = cache });
        }

        cache.Select(new int[batch]);
    }
}
