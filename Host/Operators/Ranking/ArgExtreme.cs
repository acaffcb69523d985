using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Where the largest number along an axis is; of equal ones the first, and NaN before all others, as PyTorch has it.</summary>
    /// <param name="input">Real numbers.</param>
    /// <param name="axis">The axis, not of length zero; a negative one is counted from the end. Null for the place among all numbers.</param>
    /// <param name="keepDim">Whether the axis stays, one long.</param>
    /// <returns>Int64.</returns>
    /// <exception cref="ArgumentException">The data type does not fit, there is no such axis, or it has no elements; nothing was launched.</exception>
    public static Tensor ArgMax(Tensor input, int? axis = null, bool keepDim = false) => ArgExtremeArguments.Of(input, axis, keepDim, true);

    /// <summary>Where the smallest number along an axis is; of equal ones the first, and NaN before all others, as PyTorch has it.</summary>
    /// <inheritdoc cref="ArgMax"/>
    public static Tensor ArgMin(Tensor input, int? axis = null, bool keepDim = false) => ArgExtremeArguments.Of(input, axis, keepDim, false);
}

/// <summary>What an ArgExtreme variant is given: input: float32 [outer, length, inner]; indices: Int64 [outer, inner].</summary>
[Operator("ArgExtreme", "the place of the largest or smallest number of each row")]
[Variant(typeof(ArgExtremeVectorized), "some rows per block")]
[Variant(typeof(ArgExtremePortable), "64 threads per row")]
internal readonly partial record struct ArgExtremeArguments(Tensor Input, Tensor Indices, int Rows, int Length, int Inner, bool Descending)
{
    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Length);

    public static Tensor Of(Tensor input, int? axis, bool keepDim, bool descending)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        Tensor seen = axis is null ? input.Reshape([checked((int)input.Shape.Count)]) : input;
        var rows = AxisRows.Of(seen.Shape, axis ?? 0, nameof(axis));
        Shape shape = axis is not null ? rows.Without(input.Shape, keepDim) : keepDim ? [.. Enumerable.Repeat(1, input.Shape.Rank)] : [];
        if (rows.Length == 0 && shape.Count > 0)
            throw Arguments.Wrong(nameof(input), $"has shape {input.Shape}, but no elements have no largest or smallest: the axis needs a length.");
        Tensor indices = Tensor.Empty(input.Device, shape, DType.Int64);
        if (shape.Count > 0)
            Definition.Run(input.Device, new ArgExtremeArguments(AxisRows.Wide(seen), indices, rows.Rows, rows.Length, rows.Inner, descending));
        return indices;
    }
}
