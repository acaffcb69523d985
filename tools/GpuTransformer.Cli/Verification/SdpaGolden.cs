using System.Text.Json;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>
/// Cases of <c>scaled_dot_product_attention</c>: straight through the attention operator on [batch, heads, sequence, width] tensors in the case's own
/// precision. The file has no PyTorch output; the manifest's <c>accuracy</c> says how far PyTorch's was off.
/// </summary>
internal static class SdpaGolden
{
    public const string ClassName = "scaled_dot_product_attention";

    // What both sides store for a query that sees no key.
    private const double DeadLogSumExp = -1e30;

    private static readonly string[] s_inputs = ["input.q", "input.k", "input.v"];

    /// <summary>Runs a case.</summary>
    public static IReadOnlyList<GoldenOutput> Run(GoldenCase golden, SafetensorsReader file, ComputeDevice device, bool gradients)
    {
        using StepScope step = device.BeginStep();
        Tensor query = file.ReadTensor("input.q", device), key = file.ReadTensor("input.k", device), value = file.ReadTensor("input.v", device);
        foreach (string name in s_inputs)
            file.Ranked(name, 4);
        int heads = query.Shape[1];
        var options = new ScoreOptions
        {
            Heads = heads,
            KeyValueHeads = key.Shape[1],
            Grouping = golden.Flag("enable_gqa") ? HeadGrouping.Blocks : HeadGrouping.Modulo,
            Layout = AttentionLayout.HeadMajor,
            Scale = (float?)golden.Number("scale"),
            Causal = Alignment(golden),
            Mask = file.Contains("input.mask") ? file.ReadTensor("input.mask", device) : null,
            Bias = file.Contains("input.bias") ? file.ReadTensor("input.bias", device) : null,
        };
        return gradients
            ? [.. Forward(golden, file, query, key, value, options), .. Gradients(golden, file, query, key, value, options)]
            : Forward(golden, file, query, key, value, options);
    }

    private static List<GoldenOutput> Forward(GoldenCase golden, SafetensorsReader file, Tensor query, Tensor key, Tensor value, ScoreOptions options)
    {
        Tensor logSumExp = Tensor.Empty(query.Device, [query.Shape[0], options.Heads, query.Shape[2]]);
        Tensor output = Operators.Attention(query, key, value, options, logSumExp);
        return
        [
            new GoldenOutput("output", output.Shape, output.DType, output.ToArray(), file.ReadDoubles("output_f64"), PlainError(golden, "output")),
            LogSumExp(logSumExp.ToArray(), file.ReadDoubles("lse_f64")),
        ];
    }

    private static List<GoldenOutput> Gradients(GoldenCase golden, SafetensorsReader file, Tensor query, Tensor key, Tensor value, ScoreOptions options)
    {
        var leaves = new List<(string Name, Tensor Leaf)> { ("q", query), ("k", key), ("v", value) };
        if (options.Bias is { } bias && file.Contains("grad_f64.bias"))
            leaves.Add(("bias", bias));
        foreach ((_, Tensor leaf) in leaves)
            leaf.RequiresGradient = true;
        using (StepScope tape = query.Device.BeginTape())
            tape.Backward(Operators.Attention(query, key, value, options), file.ReadTensor("input.dout", query.Device));
        return
        [
            .. leaves.Select(l => new GoldenOutput(
                $"grad.{l.Name}",
                l.Leaf.Shape,
                l.Leaf.DType,
                GradientGolden.Take(l.Leaf),
                file.ReadDoubles($"grad_f64.{l.Name}"),
                PlainError(golden, $"d{l.Name}")) { IsGradient = true }),
        ];
    }

    private static CausalAlignment Alignment(GoldenCase golden)
    {
        JsonElement causal = golden.Kwargs.TryGetProperty("causal", out JsonElement given) ? given : default;
        return causal.ValueKind switch
        {
            JsonValueKind.Null or JsonValueKind.Undefined => CausalAlignment.None,
            JsonValueKind.String when causal.GetString() == "top_left" => CausalAlignment.TopLeft,
            JsonValueKind.String when causal.GetString() == "bottom_right" => CausalAlignment.BottomRight,
            _ => throw new UsageException($"{golden.Name}: causal is {causal.GetRawText()}; known are \"top_left\", \"bottom_right\" and null."),
        };
    }

    private static double PlainError(GoldenCase golden, string what)
    {
        string run = $"torch_{golden.InputDtype}_vs_reference_max_abs";
        if (golden.Accuracy is not { ValueKind: JsonValueKind.Object } accuracy || !accuracy.TryGetProperty(run, out _))
            throw new UsageException($"{golden.Name}: the manifest does not say how accurate PyTorch is in {golden.InputDtype}.");
        return golden.Figure(accuracy, "accuracy", run, what) ?? 0;
    }

    // A dead query's −1e30 must be there exactly, and must not raise the limit of the others.
    private static GoldenOutput LogSumExp(float[] actual, double[] exact)
    {
        var live = new List<(float Actual, double Exact)>();
        foreach ((float a, double e) in actual.Zip(exact))
        {
            if (e > DeadLogSumExp)
                live.Add((a, e));
            else if (a != (float)DeadLogSumExp)
                live.Add((float.NaN, 0));
        }

        return new GoldenOutput(
            "log-sum-exp", [live.Count], DType.Float32, [.. live.Select(static l => l.Actual)], [.. live.Select(static l => l.Exact)], PlainError: 0);
    }
}
