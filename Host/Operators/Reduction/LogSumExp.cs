using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// ln Σ exp x over some axes, as PyTorch's <c>logsumexp</c>, computed so that nothing overflows. Nothing but −∞ gives −∞ and no gradient.
    /// </summary>
    /// <inheritdoc cref="Sum"/>
    public static Tensor LogSumExp(Tensor input, Axes axes = default, bool keepDim = false) => Reduction.Over(input, axes, keepDim, LogSumExpOperator.Run);

    /// <summary>sqrt(Σ x²) over some axes, as PyTorch's <c>norm</c>; its gradient is zero where it is zero.</summary>
    /// <inheritdoc cref="Sum"/>
    public static Tensor Norm(Tensor input, Axes axes = default, bool keepDim = false) => Reduction.Over(input, axes, keepDim, NormOperator.Run);
}

/// <summary>The logarithm of the sum of exponentials, given the largest, in the catalogue.</summary>
internal static class LogSumExpOperator
{
    public static readonly OperatorDefinition<ReduceArguments<LogSumExpReduction>> Definition =
        ReductionOperator<LogSumExpReduction>.Define("LogSumExp", "y = c + ln Σ exp(x − c)");

    /// <summary>Over the middle axis, recorded.</summary>
    public static Tensor Run(Tensor rows)
    {
        Tensor output = Compute(rows, rows.DType);
        if (rows.Device.Records(rows))
            Record(rows, output);
        return output;

        // Rounded to two bytes, the result would be too coarse to subtract.
        static void Record(Tensor rows, Tensor output)
            => rows.Device.Record(
                output, gradient => Reduction.Accumulate(LogSumExpBackwardOperator.Definition, rows, gradient, Compute(rows, DType.Float32), null, 1f), rows);
    }

    private static Tensor Compute(Tensor rows, DType dtype)
    {
        using Tensor largest = Reduction.Compute(MaxOperator.Definition, rows, null, 1f, DType.Float32);
        return Reduction.Compute(Definition, rows, largest, 1f, dtype);
    }
}

/// <summary>Its way back in the catalogue.</summary>
internal static class LogSumExpBackwardOperator
{
    public static readonly OperatorDefinition<ReduceBackwardArguments<LogSumExpGradient>> Definition =
        ReductionGradientOperator<LogSumExpGradient>.Define("LogSumExpBackward", "dx = exp(x − c) dy");
}

/// <summary>The norm in the catalogue.</summary>
internal static class NormOperator
{
    public static readonly OperatorDefinition<ReduceArguments<NormReduction>> Definition = ReductionOperator<NormReduction>.Define("Norm", "y = sqrt(Σ x²)");

    /// <summary>Over the middle axis, recorded.</summary>
    public static Tensor Run(Tensor rows)
    {
        Tensor output = Reduction.Compute(Definition, rows, null, 1f, rows.DType);
        if (rows.Device.Records(rows))
            Record(rows, output);
        return output;

        static void Record(Tensor rows, Tensor output)
            => rows.Device.Record(
                output,
                gradient => Reduction.Accumulate(
                    NormBackwardOperator.Definition, rows, gradient, Reduction.Compute(Definition, rows, null, 1f, DType.Float32), null, 1f),
                rows);
    }
}

/// <summary>Its way back in the catalogue.</summary>
internal static class NormBackwardOperator
{
    public static readonly OperatorDefinition<ReduceBackwardArguments<NormGradient>> Definition = ReductionGradientOperator<NormGradient>.Define(
        "NormBackward", "dx = x / c dy");
}
