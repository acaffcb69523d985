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
                throw Arguments.Wrong(
                    nameof(rowMask),
                    $"has shape {rowMask.Shape}, but the input {input.Shape} needs one flag for each of its {rows.ToString(CultureInfo.InvariantCulture)} "
                    + "rows.");
        }

        ActivateOperator.CheckDefined(activation, nameof(activation));
        bool recorded = device.Records(input, weight, bias, residual);
        if (recorded && activation != Activation.None)
            return LinearInSteps(input, weight, bias, activation, residual, rowMask);

        Tensor output = Tensor.Empty(device, shape, input.DType);
        MatrixMultiplyOperator.Run(new MatrixMultiplyArguments(
            input, weight, output, rows, outputs, weight.Shape[1], false, true, bias, activation, residual, rowMask));
        if (recorded)
            RecordLinear(input, weight, bias, residual, rowMask, output);
        return output;
    }

    // The gradient of an activation needs what went into it, which the fused form never writes.
    private static Tensor LinearInSteps(Tensor input, Tensor weight, Tensor? bias, Activation activation, Tensor? residual, Tensor? rowMask)
    {
        // Masked before the activation too, whose slope at a NaN would make one of a gradient of zero.
        Tensor output = Activate(Linear(input, weight, bias, rowMask: rowMask), activation);
        if (rowMask is not null)
            output = MaskRows(output, OneFlagPerRow(rowMask, output.Shape));
        return residual is null ? output : Add(output, residual);
    }

    private static void RecordLinear(Tensor input, Tensor weight, Tensor? bias, Tensor? residual, Tensor? rowMask, Tensor output)
        => input.Device.Record(output, gradient =>
        {
            if (residual is not null)
                GradientTape.Accumulate(residual, gradient);
            (int rows, int outputs, int inputs) = (RowCount(gradient.Shape), weight.Shape[0], weight.Shape[1]);
            Tensor visible = rowMask is null ? gradient : MaskRows(gradient, OneFlagPerRow(rowMask, gradient.Shape));

            // dx = dy W, dW = dyᵀ x, db = Σ dy
            if (GradientTape.Wants(input))
                MatrixMultiplyOperator.AccumulateGradient(input, visible, weight, rows, inputs, outputs, false, false);
            if (GradientTape.Wants(weight))
            {
                // A row that is masked out holds anything: zero times NaN is NaN.
                Tensor seen = rowMask is null ? input : MaskRows(input, OneFlagPerRow(rowMask, input.Shape));
                MatrixMultiplyOperator.AccumulateGradient(weight, visible, seen, outputs, inputs, rows, true, false);
            }

            if (GradientTape.Wants(bias))
                GradientTape.Accumulate(bias!, SumRows(visible));
        }, GradientTape.Wants(weight) ? input : null, GradientTape.Wants(input) ? weight : null, rowMask);

    private static Tensor OneFlagPerRow(Tensor rowMask, Shape shape) => rowMask.Reshape(new Shape(shape.Lengths[..^1]));

    private static int RowCount(Shape shape)
    {
        // Not Count / width: the width may be zero.
        int rows = 1;
        foreach (int length in shape.Lengths[..^1])
            rows = checked(rows * length);
        return rows;
    }
}
