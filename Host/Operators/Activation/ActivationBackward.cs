using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The gradient of <see cref="Activate"/>: dx = dy · f′(x).</summary>
    /// <param name="outputGradient">dy, of the input's shape and data type.</param>
    /// <param name="input">x, what the forward was given.</param>
    /// <param name="activation">f.</param>
    /// <returns>dx, of their shape and data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or there is no such activation; nothing was launched.</exception>
    public static Tensor ActivationBackward(Tensor outputGradient, Tensor input, Activation activation)
    {
        Elementwise.CheckPair(outputGradient, input, nameof(outputGradient), nameof(input));
        ActivateOperator.CheckDefined(activation, nameof(activation));
        return Elementwise.Compute(ActivationBackwardOperator.Definition, outputGradient, input, new ActivationBackwardOperation((int)activation));
    }
}

/// <summary>The gradients of the activations in the catalogue.</summary>
internal static class ActivationBackwardOperator
{
    public static readonly OperatorDefinition<ElementwiseArguments<ActivationBackwardOperation>> Definition =
        ElementwiseOperator<ActivationBackwardOperation>.Define(
        "ActivationBackward",
        "dx = dy f′(x)");
}
