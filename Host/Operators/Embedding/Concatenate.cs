using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Joins sequences along their rows: for each batch the rows of <paramref name="first"/>, then those of <paramref name="second"/>.</summary>
    /// <param name="first">[batch, n, dim], or [1, n, dim] for the same rows in front of every sequence (memory tokens, a class token).</param>
    /// <param name="second">[batch, m, dim], or [1, m, dim] for the same rows behind every sequence; of the same data type.</param>
    /// <returns>[batch, n + m, dim]</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Concatenate(Tensor first, Tensor second)
    {
        (int firstBatch, int firstRows, int dim) = Sequences.Check(first, nameof(first));
        (int secondBatch, int secondRows, int secondDim) = Sequences.Check(second, nameof(second));
        Arguments.Check(first.Device, second, first.DType);
        if (dim != secondDim || (firstBatch != secondBatch && firstBatch != 1 && secondBatch != 1))
            throw Arguments.Wrong(
                nameof(second),
                $"has shape {second.Shape}, which does not continue {first.Shape}: the last axes must be equal, and the batches too unless one is 1.");
        int batch = firstBatch == 1 ? secondBatch : firstBatch;
        int rows = checked(firstRows + secondRows);
        Tensor output = Tensor.Empty(first.Device, [batch, rows, dim], first.DType);
        CopyRowsShape head = CopyRowsArguments.WholeOutput(
            batch, firstRows, dim, firstRows) with { OutputRows = rows, InputBroadcast = firstBatch == 1 ? 1 : 0 };
        CopyRowsShape tail = CopyRowsArguments.WholeOutput(
            batch, secondRows, dim, secondRows) with { OutputRows = rows, OutputStart = firstRows, InputBroadcast = secondBatch == 1 ? 1 : 0 };
        CopyRowsOperator.Run(new CopyRowsArguments(first, null, null, output, head));
        CopyRowsOperator.Run(new CopyRowsArguments(second, null, null, output, tail));
        if (first.Device.Records(first, second))
            Record(first, second, output);
        return output;

        static void Record(Tensor first, Tensor second, Tensor output)
            => first.Device.Record(output, gradient =>
            {
                int head = first.Shape[1];
                if (GradientTape.Wants(first))
                    GradientTape.Accumulate(first, SumBatch(SliceRows(gradient, 0, head), first.Shape[0]));
                if (GradientTape.Wants(second))
                    GradientTape.Accumulate(second, SumBatch(SliceRows(gradient, head, second.Shape[1]), second.Shape[0]));
            });
    }

    // The gradient of rows that stood in front of, or behind, every sequence of the batch.
    private static Tensor SumBatch(Tensor gradient, int batch)
    {
        if (gradient.Shape[0] == batch)
            return gradient;
        (int rows, int dim) = (gradient.Shape[1], gradient.Shape[2]);
        using Tensor flat = gradient.Reshape([gradient.Shape[0], checked(rows * dim)]);
        return SumRows(flat).Reshape([1, rows, dim]);
    }
}
