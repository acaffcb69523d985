using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>y[…, k, …] = Σ x[…, j, …] over j ≤ k along an axis, as PyTorch's <c>cumsum</c>; in a fixed order, each element rounded once.</summary>
    /// <param name="input">Real numbers.</param>
    /// <param name="axis">The axis; a negative one is counted from the end.</param>
    /// <returns>A tensor of the input's shape and data type.</returns>
    /// <exception cref="ArgumentException">The data type does not fit or there is no such axis; nothing was launched.</exception>
    public static Tensor CumulativeSum(Tensor input, int axis)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        var rows = AxisRows.Of(input.Shape, axis, nameof(axis));
        Tensor output = CumulativeSumArguments.Of(input, rows, reverse: false);
        if (input.Device.Records(input))
            Record(input, rows, output);
        return output;

        static void Record(Tensor input, AxisRows rows, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, CumulativeSumArguments.Of(gradient, rows, reverse: true)));
    }
}

/// <summary>What a CumulativeSum variant is given: input: float32 [outer, length, inner]; output: float32, of the input's shape.</summary>
[Operator("CumulativeSum", "y[k] = Σ x[j] over j ≤ k, or j ≥ k")]
[Variant(typeof(CumulativeSumVectorized), "some rows per block")]
[Variant(typeof(CumulativeSumPortable), "64 threads per row")]
internal readonly partial record struct CumulativeSumArguments(Tensor Input, Tensor Output, int Rows, int Length, int Inner, bool Reverse)
{
    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Length);

    /// <summary>The sums in the input's data type; not recorded.</summary>
    public static Tensor Of(Tensor input, AxisRows rows, bool reverse)
    {
        Tensor output = Tensor.Empty(input.Device, input.Shape);
        if (output.Shape.Count > 0)
            Definition.Run(input.Device, new CumulativeSumArguments(AxisRows.Wide(input), output, rows.Rows, rows.Length, rows.Inner, reverse));
        return AxisRows.Narrow(output, input.DType);
    }
}
