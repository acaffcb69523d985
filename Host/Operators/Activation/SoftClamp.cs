using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>c · tanh(x / c), element by element: close to x near zero, and never beyond ±c.</summary>
    /// <param name="input">Any shape.</param>
    /// <param name="value">c, positive and finite.</param>
    /// <returns>A tensor of the input's shape and data type.</returns>
    /// <exception cref="ArgumentException">A device or data type does not fit, or c is not positive; nothing was launched.</exception>
    public static Tensor SoftClamp(Tensor input, float value)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        SoftClampOperator.CheckLimit(value, nameof(value));
        Tensor output = Elementwise.Compute(SoftClampOperator.Definition, input, null, new SoftClampOperation(value));
        if (input.Device.Records(input))
            Record(input, value, output);
        return output;

        static void Record(Tensor input, float value, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, SoftClampBackward(gradient, input, value)), input);
    }
}

/// <summary>The soft clamp in the catalogue.</summary>
internal static class SoftClampOperator
{
    public static readonly OperatorDefinition<ElementwiseArguments<SoftClampOperation>> Definition = ElementwiseOperator<SoftClampOperation>.Define(
        "SoftClamp",
        "y = c tanh(x / c)");

    /// <summary>c is positive and finite.</summary>
    public static void CheckLimit(float limit, string name)
    {
        if (!(limit > 0f) || !float.IsFinite(limit))
            throw Arguments.Wrong(name, $"is {limit}, but a soft clamp needs a positive, finite limit.");
    }
}
