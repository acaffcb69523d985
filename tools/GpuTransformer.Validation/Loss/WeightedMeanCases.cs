using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of WeightedMean.</summary>
internal static class WeightedMeanCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(WeightedMeanArguments.Definition, Cases);

    private static IEnumerable<ValidationCase<WeightedMeanArguments>> Cases(int seed)
    {
        (int Rows, double Kept, ValidationSize Size)[] shapes =
        [
            (1, 1, ValidationSize.Tiny), (17, 0, ValidationSize.Tiny), (70, 0.5, ValidationSize.Tiny), (1023, 0.9, ValidationSize.Quick),
            (40000, 0.3, ValidationSize.Quick),
        ];
        foreach ((int rows, double kept, ValidationSize size) in shapes)
        {
            var data = new CaseData(CaseData.Seed(seed, rows), DType.Float32);
            float[] weights = Array.ConvertAll(data.Flags(rows, kept), static f => f ? 1f : 0f);
            float[] values = [.. data.Uniform(rows, 2f).Zip(weights, static (v, w) => Math.Abs(v) * w)];
            yield return new ValidationCase<WeightedMeanArguments>(
                $"{rows} rows, {kept:p0} kept",
                size,
                DType.Float32,
                device => new WeightedMeanArguments(
                    Tensor.From(device, [rows], values), Tensor.From(device, [rows], weights), Tensor.Empty(device, []), Tensor.Empty(device, [])),
                static a => [("mean", a.Mean), ("inverseWeight", a.InverseWeight)],
                () => Expect(values, weights));
        }
    }

    private static Expected[] Expect(float[] values, float[] weights)
    {
        double total = weights.Sum(static w => (double)w), inverse = total > 0 ? 1 / total : 0;
        float plainSum = 0f;
        foreach (float value in values)
            plainSum += value;
        float plainInverse = (float)inverse;
        return
        [
            new Expected("mean", [values.Sum(static v => (double)v) * inverse], [plainSum * plainInverse]),
            new Expected("inverseWeight", [inverse], [plainInverse]),
        ];
    }
}
