using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The gradient of <see cref="SoftClamp"/>: dx = dy · (1 − tanh²(x / c)).</summary>
    /// <param name="outputGradient">dy, of the input's shape and data type.</param>
    /// <param name="input">x, what the forward was given.</param>
    /// <param name="value">c, positive and finite.</param>
    /// <returns>dx, of their shape and data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or c is not positive; nothing was launched.</exception>
    public static Tensor SoftClampBackward(Tensor outputGradient, Tensor input, float value)
    {
        Elementwise.CheckPair(outputGradient, input, nameof(outputGradient), nameof(input));
        SoftClampOperator.CheckLimit(value, nameof(value));
        return Elementwise.Compute(SoftClampBackwardOperator.Definition, outputGradient, input, new SoftClampBackwardOperation(value));
    }
}

/// <summary>The gradient of the soft clamp in the catalogue.</summary>
internal static class SoftClampBackwardOperator
{
    public static readonly OperatorDefinition<ElementwiseArguments<SoftClampBackwardOperation>> Definition =
        ElementwiseOperator<SoftClampBackwardOperation>.Define(
        "SoftClampBackward",
        "dx = dy (1 − tanh²(x / c))");
}
