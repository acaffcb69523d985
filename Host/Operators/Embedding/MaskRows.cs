using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The input with the rows that the mask leaves out set to zero. It is its own gradient.</summary>
    /// <param name="input">[…, dim]</param>
    /// <param name="rowMask">[…], one Bool for each row; true keeps.</param>
    /// <returns>A tensor of the input's shape and data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor MaskRows(Tensor input, Tensor rowMask)
    {
        Arguments.CheckRows(input);
        Arguments.CheckRowMask(input, rowMask);
        Tensor output = Tensor.Empty(input.Device, input.Shape, input.DType);
        int rows = GainRows.RowCount(input);
        CopyRowsOperator.Run(new CopyRowsArguments(input, null, rowMask, output, CopyRowsArguments.WholeOutput(1, rows, input.Shape[^1], rows)));
        if (input.Device.Records(input))
            Record(input, rowMask, output);
        return output;

        static void Record(Tensor input, Tensor rowMask, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, MaskRows(gradient, rowMask)), rowMask);
    }
}
