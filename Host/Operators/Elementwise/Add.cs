using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>left + right, element by element.</summary>
    /// <param name="left">Any shape.</param>
    /// <param name="right">The same data type; another shape is broadcast as PyTorch does.</param>
    /// <returns>A tensor of the common shape and that data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Add(Tensor left, Tensor right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        if (left.Shape != right.Shape)
        {
            return Algebra.Binary(
                left,
                right,
                BinaryOperator<BroadcastAddFunction>.Forward,
                BinaryOperator<BroadcastAddFunction>.Left,
                BinaryOperator<BroadcastAddFunction>.Right);
        }

        Elementwise.CheckPair(left, right, nameof(left), nameof(right));
        Tensor output = Elementwise.Compute(AddOperator.Definition, left, right, default);
        if (left.Device.Records(left, right))
        {
            left.Device.Record(output, gradient =>
            {
                GradientTape.Accumulate(left, gradient);
                GradientTape.Accumulate(right, gradient);
            });
        }

        return output;
    }

    /// <summary>target ← target + addend, in place; never recorded.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static void AddInto(Tensor target, Tensor addend)
    {
        Elementwise.CheckPair(target, addend, nameof(target), nameof(addend));
        if (target.Shape.Count > 0)
            AddOperator.Definition.Run(target.Device, new ElementwiseArguments<AddOperation>(target, addend, target, default));
        target.MarkWritten();
    }
}

/// <summary>Addition in the catalogue.</summary>
internal static class AddOperator
{
    public static readonly OperatorDefinition<ElementwiseArguments<AddOperation>> Definition = ElementwiseOperator<AddOperation>.Define(
        "Add",
        "y = left + right");
}
