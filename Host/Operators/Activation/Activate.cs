using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>f(x), element by element.</summary>
    /// <param name="input">Any shape.</param>
    /// <param name="activation">f.</param>
    /// <returns>A tensor of the input's shape and data type; a copy where the activation is <see cref="Activation.None"/>.</returns>
    /// <exception cref="ArgumentException">A device or data type does not fit, or there is no such activation; nothing was launched.</exception>
    public static Tensor Activate(Tensor input, Activation activation)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        ActivateOperator.CheckDefined(activation, nameof(activation));
        Tensor output = Elementwise.Compute(ActivateOperator.Definition, input, null, new ActivateOperation((int)activation));
        if (input.Device.Records(input))
            Record(input, activation, output);
        return output;

        static void Record(Tensor input, Activation activation, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, ActivationBackward(gradient, input, activation)), input);
    }
}

/// <summary>The activations in the catalogue.</summary>
internal static class ActivateOperator
{
    public static readonly OperatorDefinition<ElementwiseArguments<ActivateOperation>> Definition = ElementwiseOperator<ActivateOperation>.Define(
        "Activate",
        "y = f(x), f being GELU (erf), SiLU, ReLU², ReLU, sigmoid, tanh, erf or the identity");

    /// <summary>The activation is one of the enumeration's members.</summary>
    public static void CheckDefined(Activation activation, string name)
    {
        if (!Enum.IsDefined(activation))
            throw Arguments.Wrong(name, $"is {(int)activation}, but must be one of {string.Join(", ", Enum.GetNames<Activation>())}.");
    }
}
