using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Verification;

/// <summary>A table of logits and of what the filters leave of them; what is out counts as one number, whatever stands for it in the file.</summary>
internal static class SamplingTable
{
    private const double Absent = -1e29;

    // Of the size of a logit, so that the others are judged as strictly as without it.
    private const float Out = -100f;

    private static readonly (string Name, Filter Apply)[] s_filters =
    [
        ("top_k.default", static row => SamplingFilters.TopK(row, SamplingFilters.Count(new GenerationOptions().FracNumTokens, row.Length))),
        ("top_k.frac03", static row => SamplingFilters.TopK(row, SamplingFilters.Count(0.3, row.Length))),
        ("top_k.k5", static row => SamplingFilters.TopK(row, 5)),
        ("top_p.09", static row => SamplingFilters.TopP(row, 0.9)),
        ("top_p.05", static row => SamplingFilters.TopP(row, 0.5)),
        ("top_a", static row => SamplingFilters.TopA(row, 0.02, new GenerationOptions().TopAPower)),
        ("min_p.01", static row => SamplingFilters.MinP(row, 0.1)),
        ("min_p.03", static row => SamplingFilters.MinP(row, 0.3)),
    ];

    private delegate void Filter(Span<float> row);

    /// <summary>The filters that the file has a table of.</summary>
    public static IReadOnlyList<GoldenOutput> Run(SafetensorsReader file)
    {
        Shape shape = file.Ranked("logits", 2);
        float[] logits = [.. file.ReadDoubles("logits").Select(static v => (float)v)];
        return [.. s_filters.Where(filter => file.Contains(filter.Name)).Select(filter => Against(file, filter.Name, filter.Apply, shape, logits))];
    }

    private static GoldenOutput Against(SafetensorsReader file, string name, Filter apply, Shape shape, float[] logits)
    {
        float[] left = [.. logits];
        for (int row = 0; row < shape[0]; row++)
            apply(left.AsSpan(row * shape[1], shape[1]));
        double[] expected = file.ReadCounted(name, logits.Length);
        return new GoldenOutput(
            name,
            shape,
            DType.Float32,
            [.. left.Select(static v => float.IsNegativeInfinity(v) ? Out : v)],
            [.. expected.Select(static v => v < Absent ? Out : v)],
            0);
    }
}
