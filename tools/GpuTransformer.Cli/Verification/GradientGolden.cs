using System.Text.Json;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Validation;

namespace GpuTransformer.Cli.Verification;

/// <summary>Gradients of golden cases: of the inputs against float64, of the parameters against PyTorch's float32, which is all that the files hold.</summary>
internal static class GradientGolden
{
    // A parameter's gradient is judged on the scale of its own largest element, but not finer than a thousandth of the model's: that is how the manifest states
    // noise.
    private const double FinestScale = 1e-3;

    // A bias's gradient that is smaller than this part of its weight's has cancelled: a softmax follows, which a number for all its terms does not change.
    private const double Cancelled = 1e-5;

    private const string ParameterNoise = "grad.param(worst max_abs_diff / max(max_abs, 1e-3*global max))";

    /// <summary>Whether the file holds gradients of the loss Σ output · loss_weight.</summary>
    public static bool Has(SafetensorsReader file)
        => file.Contains("loss_weight") && file.Entries.Any(static e => e.Name.StartsWith("grad.", StringComparison.Ordinal));

    /// <summary>Marks what the file has gradients for.</summary>
    public static void Require(Dictionary<string, Tensor> inputs, Module module, SafetensorsReader file)
    {
        foreach ((string name, Tensor input) in inputs)
            input.RequiresGradient = file.Contains($"grad.input.{name}");
        foreach ((_, Tensor parameter) in module.NamedParameters())
            parameter.RequiresGradient = true;
    }

    /// <summary>Walks the tape and sets every gradient beside PyTorch's.</summary>
    public static IEnumerable<GoldenOutput> Collect(
        GoldenCase golden, SafetensorsReader file, StepScope tape, Tensor output, Dictionary<string, Tensor> inputs, Module module)
    {
        tape.Backward(output, file.ReadTensor("loss_weight", output.Device));
        var results = new List<GoldenOutput>();
        foreach ((string name, Tensor input) in inputs.Where(static i => i.Value.RequiresGradient))
        {
            (double[] exact, double plainError) = ModuleGolden.ReadExact(
                file, $"grad.input.{name}", $"grad_f64.input.{name}", golden.PlainError($"grad.input.{name}"));
            results.Add(Gradient($"grad.input.{name}", input, Take(input), exact, plainError));
        }

        Dictionary<string, double> largest = Largest(golden, file);
        double finest = FinestScale * largest.Values.DefaultIfEmpty().Max(), noise = Noise(golden);
        var taken = new Dictionary<Tensor, float[]>(ReferenceEqualityComparer.Instance);
        foreach ((string name, Tensor parameter) in module.NamedParameters())
        {
            // A tied parameter has several names, and PyTorch's whole gradient under each.
            if (!taken.TryGetValue(parameter, out float[]? actual))
                taken.Add(parameter, actual = Take(parameter));
            if (!largest.TryGetValue(name, out double own))
                continue;

            // Two float32 results are compared: each may be off by the noise, three times for ours; and the floor of the rule holds on the same scale.
            double scale = Math.Max(
                parameter.Shape.Count == 1 || IsBias(name) ? LargestOfLayer(name, largest) : own,
                finest), plainError = Math.Max(4.0 / 3 * noise, NumericalRule.Floor(DType.Float32) / 3) * scale;
            (float[] sampled, double[] expected) = Expected(file, name, actual);

            // Zero in exact arithmetic: what is left of the terms is PyTorch's own rounding, by which ours is judged.
            if (IsBias(name) && own <= Cancelled * LargestOfLayer(name, largest))
                (expected, plainError) = (new double[expected.Length], Math.Max(plainError, own));
            results.Add(Gradient($"grad.param.{name}", parameter, sampled, expected, plainError));
        }

        return results;
    }

    private static bool IsBias(string name) => name.EndsWith(".bias", StringComparison.Ordinal);

    // A single number's gradient is one sum over all positions and features. In float64 its terms, each within 2^-24 of its size, may cancel to a total far
    // smaller than what rounding leaves of them in float32, and PyTorch's error there is one draw, not the largest of many, so the noise says nothing about it.
    // Its terms are those that the other parameters of the layer add up feature by feature (gain and shift beside DynamicTanh's scale): their gradients have
    // the size that counts. A bias is the same: its gradient is its weight's with one in place of a feature, so what rounding leaves of the terms has the
    // weight's scale. Where a softmax follows, the biases' gradients cancel to zero in exact arithmetic, and any float32 result is rounding alone.
    private static double LargestOfLayer(string name, Dictionary<string, double> largest)
    {
        string layer = name[..(name.LastIndexOf('.') + 1)];
        return largest.Where(p => p.Key.StartsWith(layer, StringComparison.Ordinal)).Max(static p => p.Value);
    }

    /// <summary>A leaf's gradient; zeros where none arrived. It outlives the step unless it is cleared.</summary>
    public static float[] Take(Tensor leaf)
    {
        float[] values = leaf.Gradient?.ToArray() ?? new float[leaf.Shape.Count];
        leaf.ClearGradient();
        return values;
    }

    private static GoldenOutput Gradient(string name, Tensor leaf, float[] actual, double[] exact, double plainError)
        => new(name, leaf.Shape, leaf.DType, actual, exact, plainError) { IsGradient = true };

    // The whole gradient, or the 64 elements of it that the file keeps of a large one.
    private static (float[] Actual, double[] Expected) Expected(SafetensorsReader file, string name, float[] actual)
    {
        if (file.Contains($"grad.param.{name}"))
            return (actual, file.ReadCounted($"grad.param.{name}", actual.Length));
        string indices = $"grad_sample_index.param.{name}";
        double[] index = file.ReadDoubles(indices);
        if (Array.FindIndex(index, i => !(i >= 0 && i < actual.Length)) is var wrong and >= 0)
            throw new CheckpointException(
                $"'{file.Path}' is damaged: element {wrong} of {indices} is {index[wrong]}, but the gradient has {actual.Length} elements.");
        return ([.. index.Select(i => actual[(long)i])], file.ReadCounted($"grad_sample.param.{name}", index.Length));
    }

    // The largest element of each parameter's gradient, of those that the file has.
    private static Dictionary<string, double> Largest(GoldenCase golden, SafetensorsReader file)
    {
        const string Prefix = "grad.param.";
        var largest = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (SafetensorsEntry entry in file.Entries.Where(static e => e.Name.StartsWith(Prefix, StringComparison.Ordinal)))
            largest.Add(entry.Name[Prefix.Length..], file.ReadDoubles(entry.Name).Select(Math.Abs).DefaultIfEmpty().Max());
        if (golden.GradStats is { ValueKind: JsonValueKind.Object } statistics)
        {
            foreach (JsonProperty property in statistics.EnumerateObject())
                largest.TryAdd(property.Name, golden.Figure(statistics, "grad_stats", property.Name, "max_abs") ?? 0);
        }

        return largest;
    }

    private static double Noise(GoldenCase golden) => golden.Figure(golden.Fp32VsFp64, "fp32_vs_fp64", ParameterNoise, "rel") ?? 0;
}
