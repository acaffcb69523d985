using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Σ x over some axes, as PyTorch's <c>sum</c>; accumulated in float32, in a fixed order. The sum of no elements is zero.</summary>
    /// <param name="input">Real numbers of any shape.</param>
    /// <param name="axes">One axis, a list, or default for all; negative ones are counted from the end.</param>
    /// <param name="keepDim">Whether the axes stay, one long.</param>
    /// <returns>A tensor of the input's data type.</returns>
    /// <exception cref="ArgumentException">The data type does not fit, or there is no such axis; nothing was launched.</exception>
    public static Tensor Sum(Tensor input, Axes axes = default, bool keepDim = false)
        => Reduction.Over(input, axes, keepDim, static rows => SumOperator.Run(rows, 1f));

    /// <summary>The mean of x over some axes, as PyTorch's <c>mean</c>; accumulated in float32, in a fixed order. The mean of no elements is NaN.</summary>
    /// <inheritdoc cref="Sum"/>
    public static Tensor Mean(Tensor input, Axes axes = default, bool keepDim = false)
        => Reduction.Over(input, axes, keepDim, static rows => SumOperator.Run(rows, 1f / rows.Shape[1]));
}

/// <summary>Sum and mean in the catalogue.</summary>
internal static class SumOperator
{
    public static readonly OperatorDefinition<ReduceArguments<SumReduction>> Definition = ReductionOperator<SumReduction>.Define("Sum", "y = scale Σ x");

    /// <summary>scale · Σ x over the middle axis, recorded.</summary>
    public static Tensor Run(Tensor rows, float scale)
    {
        Tensor output = Reduction.Compute(Definition, rows, null, scale, rows.DType);
        if (rows.Device.Records(rows))
            Record(rows, scale, output);
        return output;

        static void Record(Tensor rows, float scale, Tensor output)
            => rows.Device.Record(output, gradient => Reduction.Accumulate(SumBackwardOperator.Definition, rows, gradient, null, null, scale));
    }
}

/// <summary>Its way back in the catalogue.</summary>
internal static class SumBackwardOperator
{
    public static readonly OperatorDefinition<ReduceBackwardArguments<SumGradient>> Definition = ReductionGradientOperator<SumGradient>.Define(
        "SumBackward", "dx = scale dy");
}
