using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Picks rows from each sequence: y[b, r] = x[b, index[b, r]]. Rows may be picked more than once or not at all.</summary>
    /// <param name="input">[batch, n, dim]</param>
    /// <param name="index">[batch, m], Int32 or Int64, each in [0, n).</param>
    /// <returns>[batch, m, dim], of the input's data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or an index is out of range; nothing was launched.</exception>
    /// <remarks>Waits for the device in order to check the indices, unless the host wrote them.</remarks>
    public static Tensor GatherRows(Tensor input, Tensor index)
    {
        (int batch, int rows, _) = Sequences.Check(input, nameof(input));
        Arguments.Check(input.Device, index);
        if (index.Shape.Rank != 2 || index.Shape[0] != batch)
            throw Arguments.Wrong(nameof(index), $"has shape {index.Shape}, but the input {input.Shape} needs [{batch}, m].");
        CopyRowsOperator.CheckIndices(index, rows, nameof(index), "the number of rows is");
        Tensor output = CopyRowsOperator.Gather(input, index);
        if (input.Device.Records(input))
            Record(input, index, output);
        return output;

        static void Record(Tensor input, Tensor index, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, ScatterRows(gradient, index, input.Shape[1])), index);
    }
}

/// <summary>Checks on batches of sequences.</summary>
internal static class Sequences
{
    /// <summary>The tensor is [batch, n, dim] and holds real numbers.</summary>
    public static (int Batch, int Rows, int Dim) Check(Tensor tensor, string name)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        Arguments.CheckFloating(tensor.Device, tensor, name);
        if (tensor.Shape.Rank != 3)
            throw Arguments.Wrong(name, $"has shape {tensor.Shape}, but a batch of sequences [batch, n, dim] is needed.");
        return (tensor.Shape[0], tensor.Shape[1], tensor.Shape[2]);
    }
}
