using System.Globalization;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>
/// Tables of functions, recognised by the tensors in the file: activations, norms, cross-entropy, ALiBi, sampling filters and the GRU cell. Of a table of
/// activations the columns are judged that there is an operator for; a table without any is unsupported.
/// </summary>
internal static class TableGolden
{
    public const string ClassName = "function";

    // Of the largest element of a row: what float32 may be off by where the function is well behaved. It is some 1e-7, but nothing is proved by being close to
    // that.
    private const double LargestCredibleError = 1e-4;

    // In roundings of the input, as the function magnifies them: where that is more, it is what float32 may be off by. The worst of the published set is 1.5.
    private const double LargestCredibleRoundings = 16;

    private const double LayerNormEpsilon = 1e-5;

    private static readonly (string Name, Func<Tensor, Tensor> Compute)[] s_activations =
    [
        ("gelu", static x => Operators.Activate(x, Activation.Gelu)),
        ("silu", static x => Operators.Activate(x, Activation.Silu)),
        ("relu_squared", static x => Operators.Activate(x, Activation.ReluSquared)),
        ("sigmoid", static x => Operators.Activate(x, Activation.Sigmoid)),
        ("softclamp2", static x => Operators.SoftClamp(x, 2f)),
    ];

    /// <summary>Runs a case.</summary>
    /// <exception cref="UnsupportedOptionException">It is a table of something that this version does not have.</exception>
    public static IReadOnlyList<GoldenOutput> Run(GoldenCase golden, SafetensorsReader file, ComputeDevice device, bool gradients)
    {
        using StepScope step = device.BeginStep();
        if (file.Contains("gelu_f64"))
            return [.. s_activations.SelectMany(a => Function(golden, file, device, a.Name, a.Name + "_grad", a.Compute, null, gradients))];
        if (file.Contains("layernorm_f64"))
            return Norms(golden, file, device, gradients);
        if (file.Contains("loss_f64") && file.Contains("target"))
            return CrossEntropy(golden, file, device, gradients);
        if (file.Contains("slopes.h1"))
            return [.. Slopes(file), .. Biases(file, device)];
        if (file.Contains("top_k.default"))
            return SamplingTable.Run(file);
        if (file.Contains("param.weight_hh"))
            return GruTable.Run(file, device, gradients);
        if (file.Contains("bucket.32_128.causal"))
            return PositionTables.Buckets(file);
        if (file.Entries.Any(static e => e.Name.EndsWith(".rotated", StringComparison.Ordinal)))
            return PositionTables.Rotations(file, device);
        throw new UnsupportedOptionException(golden.Name, $"{golden.Name}: a table of functions that are not supported.");
    }

    private static List<GoldenOutput> Norms(GoldenCase golden, SafetensorsReader file, ComputeDevice device, bool gradients)
    {
        Tensor gamma = file.ReadTensor("gamma", device), weight = file.ReadTensor("loss_weight", device);
        return
        [
            .. Function(
                golden, file, device, "layernorm", "layernorm_grad", x => Operators.LayerNorm(x, gamma), weight, gradients, condition: LayerNormCondition),
            .. Function(golden, file, device, "rmsnorm", "rmsnorm_grad", x => Operators.RmsNorm(x, gamma), weight, gradients),
        ];
    }

    private static List<GoldenOutput> CrossEntropy(GoldenCase golden, SafetensorsReader file, ComputeDevice device, bool gradients)
    {
        Tensor target = file.ReadTensor("target", device);
        return Function(golden, file, device, "loss", "grad_logits", logits => Operators.SoftmaxCrossEntropy(logits, target), null, gradients, "logits");
    }

    // A function of one tensor, and its gradient for loss = Σ output · weight.
    private static List<GoldenOutput> Function(
        GoldenCase golden,
        SafetensorsReader file,
        ComputeDevice device,
        string name,
        string gradientName,
        Func<Tensor, Tensor> compute,
        Tensor? weight,
        bool gradients,
        string inputName = "x",
        Func<double[], double>? condition = null)
    {
        Tensor input = file.ReadTensor(inputName, device);
        input.RequiresGradient = gradients;
        using StepScope tape = device.BeginTape();
        Tensor output = compute(input);
        double[] conditions = condition is null ? [] : [.. file.ReadDoubles(inputName).Chunk(input.Shape[^1]).Select(condition)];
        List<GoldenOutput> results = [.. Against(golden, file, name, output.Shape, output.ToArray(), conditions, isGradient: false)];
        if (gradients)
        {
            tape.Backward(output, weight ?? Tensor.From(device, output.Shape, [.. Enumerable.Repeat(1f, (int)output.Shape.Count)]));
            results.AddRange(Against(golden, file, gradientName, input.Shape, GradientGolden.Take(input), conditions, isGradient: true));
        }

        return results;
    }

    private static IEnumerable<GoldenOutput> Slopes(SafetensorsReader file)
        => from entry in file.Entries
           where entry.Name.StartsWith("slopes.h", StringComparison.Ordinal)
           let heads = file.Ranked(entry.Name, 1)[0]
           where heads > 0
           select new GoldenOutput(entry.Name, entry.Shape, DType.Float32, AlibiSlopes.For(heads), file.ReadDoubles(entry.Name), 0);

    // The kernels add the bias to scores and never show it. With scores of zero and unit vectors for values, attention's output is its softmax.
    private static IEnumerable<GoldenOutput> Biases(SafetensorsReader file, ComputeDevice device)
    {
        foreach (SafetensorsEntry entry in file.Entries.Where(static e => e.Name.StartsWith("bias.", StringComparison.Ordinal)))
        {
            Shape shape = file.Ranked(entry.Name, 3);
            (int total, int queries, int keys) = (shape[0], shape[1], shape[2]);
            if (entry.Name.Split("heads") is not [_, var rest, ..] || !int.TryParse(rest.Split('_')[0], CultureInfo.InvariantCulture, out int biased)
                || biased < 1 || biased > total || keys == 0)
                throw new CheckpointException(
                    $"'{file.Path}' is damaged: {entry.Name} {shape} does not say for how many of its heads it is, as bias.heads4_….");
            float[] slopes = [.. AlibiSlopes.For(biased), .. new float[total - biased]];
            float[] units =
                [.. from h in Enumerable.Range(0, total) from i in Enumerable.Range(0, keys) from j in Enumerable.Range(0, keys) select i == j ? 1f : 0f];
            var options = new ScoreOptions { Heads = total, Layout = AttentionLayout.HeadMajor, AlibiSlopes = Tensor.From(device, [total], slopes) };
            Tensor output = Operators.Attention(
                Tensor.Zeros(device, [1, total, queries, 4]),
                Tensor.Zeros(device, [1, total, keys, 4]),
                Tensor.From(device, [1, total, keys, keys], units),
                options);
            double[] exact = [.. file.ReadDoubles(entry.Name).Chunk(keys).SelectMany(Softmax)];
            yield return new GoldenOutput($"softmax({entry.Name})", output.Shape, DType.Float32, output.ToArray(), exact, 0);
        }
    }

    private static IEnumerable<double> Softmax(double[] row)
    {
        double sum = row.Sum(Math.Exp);
        return row.Select(v => Math.Exp(v) / sum);
    }

    // By how much a row's norm magnifies a rounding of the row: without end where it is nearly constant.
    private static double LayerNormCondition(double[] row)
    {
        double mean = row.Average(), variance = row.Average(v => (v - mean) * (v - mean));
        return row.Max(Math.Abs) / Math.Sqrt(variance + LayerNormEpsilon);
    }

    // Row by row: a nearly constant row's norm is off by far more in float32 than the others', and must not raise their limit.
    private static IEnumerable<GoldenOutput> Against(
        GoldenCase golden, SafetensorsReader file, string name, Shape shape, float[] actual, double[] conditions, bool isGradient)
    {
        int width = shape.Rank == 2 ? shape[1] : actual.Length;
        double[] exact = file.ReadCounted(name + "_f64", actual.Length), plain = file.Contains(name) ? file.ReadCounted(name, actual.Length) : exact;
        for (int start = 0; start < actual.Length; start += width)
        {
            int index = start / width;
            Range row = start..(start + width);
            double relative = Math.Max(LargestCredibleError, conditions.Length == 0 ? 0 : LargestCredibleRoundings * Math.Pow(2, -24) * conditions[index]);
            double found = ModuleGolden.PlainError(file, name, plain[row], name + "_f64", exact[row], golden.PlainError(name), relative);
            yield return new GoldenOutput(
                shape.Rank == 2 ? $"{name}[{index}]" : name, [width], DType.Float32, actual[row], exact[row], found) { IsGradient = isGradient };
        }
    }
}
