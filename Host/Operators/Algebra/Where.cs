using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// left where <paramref name="condition"/> is true and right elsewhere, broadcast. What is not chosen contributes nothing, be it NaN, and has no gradient.
    /// </summary>
    /// <param name="condition">A <see cref="DType.Bool"/> tensor: a mask, or what <see cref="Less(Tensor, Tensor)"/> and the like return.</param>
    /// <param name="left">Real numbers.</param>
    /// <param name="right">Real numbers of the same data type.</param>
    /// <returns>A tensor of that data type and of the shape that all three are broadcast to.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Where(Tensor condition, Tensor left, Tensor right)
    {
        ArgumentNullException.ThrowIfNull(left);
        Arguments.CheckFloating(left.Device, left);
        Arguments.Check(left.Device, condition, DType.Bool);
        Arguments.Check(left.Device, right, left.DType);
        Shape shape = BroadcastLayout.Common(BroadcastLayout.Common(condition.Shape, left.Shape, nameof(left)), right.Shape, nameof(right));
        Tensor output = Algebra.Map(WhereOperator.Definition, shape, condition, left, right, default, left.DType);
        if (left.Device.Records(left, right))
            Record(condition, left, right, output);
        return output;

        static void Record(Tensor condition, Tensor left, Tensor right, Tensor output)
            => left.Device.Record(output, gradient =>
            {
                Accumulate(condition, left, gradient, 1f);
                Accumulate(condition, right, gradient, 0f);
            }, condition);

        static void Accumulate(Tensor condition, Tensor side, Tensor gradient, float flag)
        {
            if (!GradientTape.Wants(side))
                return;
            Tensor chosen = Algebra.Map(
                WhereBackwardOperator.Definition, gradient.Shape, condition, gradient, null, new WhereBackwardMap(flag), gradient.DType);
            GradientTape.Accumulate(side, BroadcastLayout.SumTo(chosen, side.Shape));
        }
    }
}

/// <summary>Choice between two tensors in the catalogue.</summary>
internal static class WhereOperator
{
    public static readonly OperatorDefinition<BroadcastArguments<WhereMap>> Definition = BroadcastOperator<WhereMap>.DefineSelection(
        "Where",
        "y = a where the condition is true, b elsewhere");
}

/// <summary>The gradient of one side of a choice in the catalogue.</summary>
internal static class WhereBackwardOperator
{
    public static readonly OperatorDefinition<BroadcastArguments<WhereBackwardMap>> Definition = BroadcastOperator<WhereBackwardMap>.DefineSelection(
        "WhereBackward",
        "dx = dy where x was chosen, 0 elsewhere");
}
