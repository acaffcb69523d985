using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Joins sequences along their rows: for each batch the rows of <paramref name="first"/>, then those of <paramref name="second"/>.</summary>
    /// <param name="first">[batch, n, dim], or [1, n, dim] for the same rows in front of every sequence (memory tokens, a class token).</param>
    /// <param name="second">[batch, m, dim], of the same data type.</param>
    /// <returns>[batch, n + m, dim]</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Concatenate(Tensor first, Tensor second)
    {
        (int firstBatch, int firstRows, int dim) = Sequences.Check(first, nameof(first));
        (int batch, int secondRows, int secondDim) = Sequences.Check(second, nameof(second));
        Arguments.Check(first.Device, second, first.DType);
        if (dim != secondDim || (firstBatch != batch && firstBatch != 1))
            throw Arguments.Wrong(nameof(second), $"has shape {second.Shape}, which does not continue {first.Shape}: the last axes must be equal, and the batches too unless the first is 1.");
        int rows = checked(firstRows + secondRows);
        Tensor output = Tensor.Empty(first.Device, [batch, rows, dim], first.DType);
        CopyRowsShape head = CopyRowsArguments.WholeOutput(batch, firstRows, dim, firstRows) with { OutputRows = rows, InputBroadcast = firstBatch == 1 ? 1 : 0 };
        CopyRowsShape tail = CopyRowsArguments.WholeOutput(batch, secondRows, dim, secondRows) with { OutputRows = rows, OutputStart = firstRows };
        CopyRowsOperator.Run(new CopyRowsArguments(first, null, null, output, head));
        CopyRowsOperator.Run(new CopyRowsArguments(second, null, null, output, tail));
        return output;
    }
}
