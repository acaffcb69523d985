using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>target ← target + weight · (value − target), in place: one step of an exponential moving average with decay 1 − weight.</summary>
    /// <param name="target">Any shape; changed.</param>
    /// <param name="value">The same shape and data type.</param>
    /// <param name="weight">0 to 1.</param>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was changed.</exception>
    public static void InterpolateInto(Tensor target, Tensor value, float weight)
    {
        Elementwise.CheckPair(target, value, nameof(target), nameof(value));
        if (!(weight >= 0f && weight <= 1f))
            throw Arguments.Wrong(nameof(weight), $"is {weight}, but must be from 0 to 1.");
        if (target.Shape.Count > 0)
            InterpolateOperator.Definition.Run(
                target.Device, new ElementwiseArguments<InterpolateOperation>(target, value, target, new InterpolateOperation(weight)));
        target.MarkWritten();
    }
}

/// <summary>Interpolation in the catalogue.</summary>
internal static class InterpolateOperator
{
    public static readonly OperatorDefinition<ElementwiseArguments<InterpolateOperation>> Definition = ElementwiseOperator<InterpolateOperation>.Define(
        "Interpolate",
        "y = left + weight · (right − left)");
}
