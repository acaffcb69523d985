using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>left · right, element by element.</summary>
    /// <param name="left">Any shape.</param>
    /// <param name="right">The same data type; another shape is broadcast as PyTorch does.</param>
    /// <returns>A tensor of the common shape and that data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Multiply(Tensor left, Tensor right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        if (left.Shape != right.Shape)
        {
            return Algebra.Binary(
                left,
                right,
                BinaryOperator<BroadcastMultiplyFunction>.Forward,
                BinaryOperator<BroadcastMultiplyFunction>.Left,
                BinaryOperator<BroadcastMultiplyFunction>.Right);
        }

        Elementwise.CheckPair(left, right, nameof(left), nameof(right));
        Tensor output = Elementwise.Compute(MultiplyOperator.Definition, left, right, default);
        if (left.Device.Records(left, right))
            Record(left, right, output);
        return output;

        static void Record(Tensor left, Tensor right, Tensor output)
            => left.Device.Record(output, gradient =>
            {
                if (GradientTape.Wants(left))
                    GradientTape.Accumulate(left, Multiply(gradient, right));
                if (GradientTape.Wants(right))
                    GradientTape.Accumulate(right, Multiply(gradient, left));
            }, GradientTape.Wants(right) ? left : null, GradientTape.Wants(left) ? right : null);
    }
}

/// <summary>Elementwise multiplication in the catalogue.</summary>
internal static class MultiplyOperator
{
    public static readonly OperatorDefinition<ElementwiseArguments<MultiplyOperation>> Definition = ElementwiseOperator<MultiplyOperation>.Define(
        "Multiply",
        "y = left · right");
}
