using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Consecutive rows of each sequence: y[b, r] = x[b, start + r].</summary>
    /// <param name="input">[batch, n, dim]</param>
    /// <param name="start">The first row.</param>
    /// <param name="count">How many rows; start + count ≤ n.</param>
    /// <returns>[batch, count, dim], of the input's data type.</returns>
    /// <exception cref="ArgumentException">The shape or data type does not fit, or the rows are not all there; nothing was launched.</exception>
    public static Tensor SliceRows(Tensor input, int start, int count)
    {
        (int batch, int rows, int dim) = Sequences.Check(input, nameof(input));
        if (start < 0 || start > rows)
            throw Arguments.Wrong(nameof(start), $"is {start}, but the input {input.Shape} has {rows} rows.");
        if (count < 0 || count > rows - start)
            throw Arguments.Wrong(nameof(count), $"is {count}, but the input {input.Shape} has {rows - start} rows from row {start} on.");
        Tensor output = Tensor.Empty(input.Device, [batch, count, dim], input.DType);
        CopyRowsOperator.Run(
            new CopyRowsArguments(input, null, null, output, CopyRowsArguments.WholeOutput(batch, count, dim, rows) with { InputStart = start }));
        if (input.Device.Records(input))
            Record(input, start, output);
        return output;

        static void Record(Tensor input, int start, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, PadRows(gradient, start, input.Shape[1])));
    }

    /// <summary>
    /// Rows of zeros in front of and behind each sequence: y[b, start + r] = x[b, r], zero elsewhere. The gradient of <see cref="SliceRows"/>.
    /// </summary>
    /// <param name="input">[batch, n, dim]</param>
    /// <param name="start">How many rows of zeros are in front.</param>
    /// <param name="rows">How many rows there are then; at least start + n.</param>
    /// <returns>[batch, rows, dim], of the input's data type.</returns>
    /// <exception cref="ArgumentException">The shape or data type does not fit, or the rows have no room; nothing was launched.</exception>
    public static Tensor PadRows(Tensor input, int start, int rows)
    {
        (int batch, int inputRows, int dim) = Sequences.Check(input, nameof(input));
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        if (rows < inputRows || start > rows - inputRows)
            throw Arguments.Wrong(nameof(rows), $"is {rows}, but {start} rows of zeros and the input {input.Shape} need {(long)start + inputRows}.");
        Tensor output = Tensor.Empty(input.Device, [batch, rows, dim], input.DType);
        CopyRowsOperator.Run(
            new CopyRowsArguments(input, null, null, output, CopyRowsArguments.WholeOutput(batch, rows, dim, inputRows) with { InputStart = -start }));
        if (input.Device.Records(input))
            Record(input, start, output);
        return output;

        static void Record(Tensor input, int start, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, SliceRows(gradient, start, input.Shape[1])));
    }
}
