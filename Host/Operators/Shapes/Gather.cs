namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// y[…, k, …] = x[…, index[…, k, …], …] along an axis, as PyTorch's <c>gather</c>: each element of the index picks one of the input's.
    /// </summary>
    /// <param name="input">Any data type; recorded only where it holds real numbers.</param>
    /// <param name="axis">The axis; a negative one is counted from the end.</param>
    /// <param name="index">
    /// Int32 or Int64, each in [0, the axis's length); of the input's rank, along every other axis no longer than the input, whose rest is then not read.
    /// </param>
    /// <returns>A tensor of the index's shape and the input's data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or an index is out of range; nothing was launched.</exception>
    /// <remarks>Waits for the device in order to check the indices, unless the host wrote them.</remarks>
    public static Tensor Gather(Tensor input, int axis, Tensor index)
    {
        AxisRows rows = GatherChecks.Along(input, axis, index, nameof(index));
        CopyRowsOperator.CheckIndices(index, rows.Length, nameof(index), $"axis {rows.Axis} of {input.Shape} is");
        return GatherChecked(Within(input, index.Shape, rows.Axis), rows.Axis, index);
    }

    /// <summary>y = x with the rows along an axis that <paramref name="index"/> names, in its order, as PyTorch's <c>index_select</c>.</summary>
    /// <param name="input">Any data type; recorded only where it holds real numbers.</param>
    /// <param name="axis">The axis; a negative one is counted from the end.</param>
    /// <param name="index">[n], Int32 or Int64, each in [0, the axis's length); rows may be picked more than once or not at all.</param>
    /// <returns>The axis is n long.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or an index is out of range; nothing was launched.</exception>
    /// <remarks>Waits for the device in order to check the indices, unless the host wrote them.</remarks>
    public static Tensor IndexSelect(Tensor input, int axis, Tensor index)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.Check(input.Device, input);
        Arguments.Check(input.Device, index);
        if (index.Shape.Rank != 1)
            throw Arguments.Wrong(nameof(index), $"has shape {index.Shape}, but one list of places is needed: [n].");
        var rows = AxisRows.Of(input.Shape, axis, nameof(axis));
        CopyRowsOperator.CheckIndices(index, rows.Length, nameof(index), $"axis {rows.Axis} of {input.Shape} is");
        return GatherChecked(input, rows.Axis, index);
    }

    /// <summary>A gather whose index is known to be right: of the input's rank, or one list for all rows.</summary>
    internal static Tensor GatherChecked(Tensor input, int axis, Tensor index)
    {
        Tensor output = GatherArguments(input, axis, index).Run();
        if (input.Device.Records(input))
            Record(input, axis, index, output);
        return output;

        static void Record(Tensor input, int axis, Tensor index, Tensor output) => input.Device.Record(
            output,
            gradient => GradientTape.Accumulate(input,
                ScatterAxisArguments.Add(Tensor.Zeros(input.Device, input.Shape, gradient.DType), axis, index, gradient)),
            index);
    }

    internal static StridedCopyArguments GatherArguments(Tensor input, int axis, Tensor index)
    {
        Shape shape = index.Shape.Rank == 1 ? AxisRows.Of(input.Shape, axis, nameof(axis)).With(input.Shape, index.Shape[0]) : index.Shape;
        long[] steps = index.Shape.Rank == 1 && shape.Rank != 1 ? new long[shape.Rank] : StridedLayout.Steps(shape);
        if (index.Shape.Rank == 1)
            steps[axis] = 1;
        return StridedCopyArguments.Gather(input, axis, index, shape, steps);
    }

    // The part of a tensor that an index reaches: as long as the index along every axis but one.
    private static Tensor Within(Tensor tensor, Shape index, int axis)
    {
        for (int k = 0; k < index.Rank; k++)
        {
            if (k != axis && tensor.Shape[k] != index[k])
                tensor = Narrow(tensor, k, 0, index[k]);
        }

        return tensor;
    }
}

/// <summary>What gathering and scattering check alike.</summary>
internal static class GatherChecks
{
    /// <summary>The index has the tensor's rank and is no longer along every axis but one.</summary>
    public static AxisRows Along(Tensor tensor, int axis, Tensor index, string name)
    {
        ArgumentNullException.ThrowIfNull(tensor, "input");
        Arguments.Check(tensor.Device, tensor, name: "input");
        Arguments.Check(tensor.Device, index, name: name);
        var rows = AxisRows.Of(tensor.Shape, axis, nameof(axis));
        bool fits = index.Shape.Rank == tensor.Shape.Rank;
        for (int k = 0; fits && k < index.Shape.Rank; k++)
            fits = k == rows.Axis || index.Shape[k] <= tensor.Shape[k];
        if (!fits)
        {
            throw Arguments.Wrong(
                name, $"has shape {index.Shape}, but the input {tensor.Shape} needs as many axes, none longer than its own save axis {rows.Axis}.");
        }

        return rows;
    }
}
