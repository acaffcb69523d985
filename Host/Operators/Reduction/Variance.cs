using System.Globalization;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// Σ (x − mean)² / (n − correction) over some axes, as PyTorch's <c>var</c>; in two passes, in float32. NaN where n ≤ correction and all are the mean.
    /// </summary>
    /// <param name="input">Real numbers of any shape.</param>
    /// <param name="axes">One axis, a list, or default for all; negative ones are counted from the end.</param>
    /// <param name="correction">
    /// What is subtracted from the number of elements: 1 for a sample's unbiased variance, 0 for a whole population's. At least 0, finite.
    /// </param>
    /// <param name="keepDim">Whether the axes stay, one long.</param>
    /// <returns>A tensor of the input's data type.</returns>
    /// <exception cref="ArgumentException">The data type or correction does not fit, or there is no such axis; nothing was launched.</exception>
    public static Tensor Variance(Tensor input, Axes axes = default, float correction = 1f, bool keepDim = false)
    {
        if (!float.IsFinite(correction) || correction < 0)
            throw Arguments.Wrong(nameof(correction), $"is {correction.ToString(CultureInfo.InvariantCulture)}, but must be finite and not negative.");
        return Reduction.Over(input, axes, keepDim, rows => VarianceOperator.Run(rows, 1f / Math.Max(0f, rows.Shape[1] - correction)));
    }
}

/// <summary>The variance, given the mean, in the catalogue.</summary>
internal static class VarianceOperator
{
    public static readonly OperatorDefinition<ReduceArguments<SquaredDeviationReduction>> Definition =
        ReductionOperator<SquaredDeviationReduction>.Define("SquaredDeviation", "y = scale Σ (x − c)²");

    /// <summary>scale · Σ (x − mean)² over the middle axis, recorded.</summary>
    public static Tensor Run(Tensor rows, float scale)
    {
        using Tensor mean = Mean(rows);
        Tensor output = Reduction.Compute(Definition, rows, mean, scale, rows.DType);
        if (rows.Device.Records(rows))
            Record(rows, scale, output);
        return output;

        static void Record(Tensor rows, float scale, Tensor output)
            => rows.Device.Record(
                output, gradient => Reduction.Accumulate(VarianceBackwardOperator.Definition, rows, gradient, Mean(rows), null, 2f * scale), rows);
    }

    private static Tensor Mean(Tensor rows) => Reduction.Compute(SumOperator.Definition, rows, null, 1f / rows.Shape[1], DType.Float32);
}

/// <summary>Its way back in the catalogue.</summary>
internal static class VarianceBackwardOperator
{
    public static readonly OperatorDefinition<ReduceBackwardArguments<SquaredDeviationGradient>> Definition =
        ReductionGradientOperator<SquaredDeviationGradient>.Define("SquaredDeviationBackward", "dx = scale (x − c) dy");
}
