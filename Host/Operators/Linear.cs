using System.Globalization;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>y = (rowMask ? act(x Wᵀ + b) : 0) + residual, in one launch.</summary>
    /// <param name="input">x: […, in]</param>
    /// <param name="weight">W: [out, in], as PyTorch stores it</param>
    /// <param name="bias">b: [out] or null</param>
    /// <param name="activation">Applied after the bias.</param>
    /// <param name="residual">[…, out], added last, or null</param>
    /// <param name="rowMask">bool, one per row of the input: a row that is false gives the residual alone; or null</param>
    /// <returns>[…, out], of the input's data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Linear(
        Tensor input, Tensor weight, Tensor? bias = null, Activation activation = Activation.None, Tensor? residual = null, Tensor? rowMask = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        ComputeDevice device = input.Device;
        Arguments.CheckFloating(device, input);
        Arguments.Check(device, weight, input.DType);
        if (weight.Shape.Rank != 2)
            throw Arguments.Wrong(nameof(weight), $"has shape {weight.Shape}, but a linear layer needs [out, in].");
        if (input.Shape.Rank == 0 || input.Shape[^1] != weight.Shape[1])
            throw Arguments.Wrong(nameof(input), $"has shape {input.Shape}, but the weight {weight.Shape} needs a last axis of {weight.Shape[1]}.");
        (int rows, int outputs) = (RowCount(input.Shape), weight.Shape[0]);
        Shape shape = input.Shape.WithLast(outputs);
        if (bias is not null)
        {
            Arguments.Check(device, bias, input.DType);
            Arguments.CheckShape(bias, [outputs], $"the weight {weight.Shape}");
        }

        if (residual is not null)
        {
            Arguments.Check(device, residual, input.DType);
            Arguments.CheckShape(residual, shape, $"an input {input.Shape} under the weight {weight.Shape}");
        }

        if (rowMask is not null)
        {
            Arguments.Check(device, rowMask, DType.Bool);
            if (rowMask.Shape.Count != rows)
                throw Arguments.Wrong(nameof(rowMask), $"has shape {rowMask.Shape}, but the input {input.Shape} needs one flag for each of its {rows.ToString(CultureInfo.InvariantCulture)} rows.");
        }

        Tensor output = Tensor.Empty(device, shape, input.DType);
        MatrixMultiplyOperator.Run(new MatrixMultiplyArguments(
            input, weight, output, rows, outputs, weight.Shape[1], false, true, bias, activation, residual, rowMask));
        return output;
    }

    private static int RowCount(Shape shape)
    {
        // Not Count / width: the width may be zero.
        int rows = 1;
        foreach (int length in shape.Lengths[..^1])
            rows = checked(rows * length);
        return rows;
    }
}
