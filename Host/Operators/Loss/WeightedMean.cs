using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a WeightedMean variant is given.</summary>
internal readonly record struct WeightedMeanArguments(Tensor Values, Tensor Weights, Tensor Mean, Tensor InverseWeight);

/// <summary>WeightedMean in the catalogue: the last step of every loss.</summary>
internal static class WeightedMeanOperator
{
    public static readonly OperatorDefinition<WeightedMeanArguments> Definition = new(
        "WeightedMean",
        "mean = Σ value / Σ weight; values of weightless rows are zero",
        [
            new("Vectorized", VariantKind.Vectorized, "one block", LaunchVectorized),
            new("Portable", VariantKind.Portable, "one group", LaunchPortable),
        ],
        Cases);

    /// <summary>The mean as a scalar, and one over the total weight.</summary>
    public static (Tensor Mean, Tensor InverseWeight) Run(Tensor values, Tensor weights)
    {
        Tensor mean = Tensor.Empty(values.Device, []), inverse = Tensor.Empty(values.Device, []);
        Definition.Run(values.Device, new WeightedMeanArguments(values, weights, mean, inverse));
        return (mean, inverse);
    }

    private static void LaunchPortable(ComputeDevice device, WeightedMeanArguments a)
        => device.Launch(WeightedMeanPortable.Kernel, 1, WeightedMeanPortable.GroupSize, new WeightedMeanPortable
        {
            Values = a.Values.View<float>(),
            Weights = a.Weights.View<float>(),
            Mean = a.Mean.View<float>(),
            InverseWeight = a.InverseWeight.View<float>(),
        });

    private static unsafe void LaunchVectorized(ComputeDevice device, WeightedMeanArguments a)
        => device.Launch(1, new WeightedMeanVectorized
        {
            Values = a.Values.Pointer<float>(),
            Weights = a.Weights.Pointer<float>(),
            Mean = a.Mean.Pointer<float>(),
            InverseWeight = a.InverseWeight.Pointer<float>(),
            Rows = checked((int)a.Values.Shape.Count),
        });

    private static IEnumerable<ValidationCase<WeightedMeanArguments>> Cases(int seed)
    {
        (int Rows, double Kept, ValidationSize Size)[] shapes = [(1, 1, ValidationSize.Tiny), (17, 0, ValidationSize.Tiny), (70, 0.5, ValidationSize.Tiny), (1023, 0.9, ValidationSize.Quick), (40000, 0.3, ValidationSize.Quick)];
        foreach ((int rows, double kept, ValidationSize size) in shapes)
        {
            var data = new CaseData(CaseData.Seed(seed, rows), DType.Float32);
            float[] weights = Array.ConvertAll(data.Flags(rows, kept), static f => f ? 1f : 0f);
            float[] values = [.. data.Uniform(rows, 2f).Zip(weights, static (v, w) => Math.Abs(v) * w)];
            yield return new ValidationCase<WeightedMeanArguments>(
                $"{rows} rows, {kept:p0} kept",
                size,
                DType.Float32,
                device => new WeightedMeanArguments(Tensor.From(device, [rows], values), Tensor.From(device, [rows], weights), Tensor.Empty(device, []), Tensor.Empty(device, [])),
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
