using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The largest x over some axes, NaN where one is, as PyTorch's <c>amax</c>: equal elements share the gradient.</summary>
    /// <param name="input">Real numbers of any shape.</param>
    /// <param name="axes">One axis, a list, or default for all, none of length zero; negative ones are counted from the end.</param>
    /// <param name="keepDim">Whether the axes stay, one long.</param>
    /// <returns>A tensor of the input's data type.</returns>
    /// <exception cref="ArgumentException">The data type does not fit, there is no such axis, or it has no elements; nothing was launched.</exception>
    public static Tensor Max(Tensor input, Axes axes = default, bool keepDim = false)
        => Reduction.Over(input, axes, keepDim, static rows => ExtremeOperators.Run(MaxOperator.Definition, rows), needsElements: true);

    /// <summary>The smallest x over some axes, NaN where one is, as PyTorch's <c>amin</c>: equal elements share the gradient.</summary>
    /// <inheritdoc cref="Max"/>
    public static Tensor Min(Tensor input, Axes axes = default, bool keepDim = false)
        => Reduction.Over(input, axes, keepDim, static rows => ExtremeOperators.Run(MinOperator.Definition, rows), needsElements: true);
}

/// <summary>The maximum in the catalogue.</summary>
internal static class MaxOperator
{
    public static readonly OperatorDefinition<ReduceArguments<MaxReduction>> Definition = ReductionOperator<MaxReduction>.Define("Max", "y = max x");
}

/// <summary>The minimum in the catalogue.</summary>
internal static class MinOperator
{
    public static readonly OperatorDefinition<ReduceArguments<MinReduction>> Definition = ReductionOperator<MinReduction>.Define("Min", "y = min x");
}

/// <summary>How many elements are as large as the extreme, in the catalogue.</summary>
internal static class TieCountOperator
{
    public static readonly OperatorDefinition<ReduceArguments<TieCountReduction>> Definition = ReductionOperator<TieCountReduction>.Define(
        "TieCount", "n = Σ 1 over x = c");
}

/// <summary>The way back from an extreme in the catalogue.</summary>
internal static class ExtremeBackwardOperator
{
    public static readonly OperatorDefinition<ReduceBackwardArguments<ExtremeGradient>> Definition =
        ReductionGradientOperator<ExtremeGradient>.Define("ExtremeBackward", "dx = dy / n where x = c, 0 elsewhere");
}

/// <summary>What the largest and the smallest share.</summary>
internal static class ExtremeOperators
{
    /// <summary>The extreme over the middle axis, recorded.</summary>
    public static Tensor Run<TReduction>(OperatorDefinition<ReduceArguments<TReduction>> definition, Tensor rows)
        where TReduction : unmanaged, IReduction<TReduction>
    {
        Tensor output = Reduction.Compute(definition, rows, null, 1f, rows.DType);
        if (rows.Device.Records(rows))
            Record(rows, output);
        return output;

        static void Record(Tensor rows, Tensor output) => rows.Device.Record(
            output,
            gradient =>
            {
                Tensor centre = Operators.Cast(output, DType.Float32), ties = Reduction.Compute(TieCountOperator.Definition, rows, centre, 1f, DType.Float32);
                Reduction.Accumulate(ExtremeBackwardOperator.Definition, rows, gradient, centre, ties, 1f);
            },
            rows,
            output);
    }
}
