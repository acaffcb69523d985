using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary><paramref name="factor"/> · x, element by element.</summary>
    /// <param name="input">Any shape.</param>
    /// <param name="factor">A finite number.</param>
    /// <returns>A tensor of the input's shape and data type.</returns>
    /// <exception cref="ArgumentException">A device or data type does not fit, or the factor is not finite; nothing was launched.</exception>
    public static Tensor Scale(Tensor input, float factor)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        if (!float.IsFinite(factor))
            throw Arguments.Wrong(nameof(factor), $"is {factor}, but must be finite.");
        Tensor output = Elementwise.Compute(ScaleOperator.Definition, input, null, new ScaleOperation(factor));
        if (input.Device.Records(input))
            Record(input, factor, output);
        return output;

        static void Record(Tensor input, float factor, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, Scale(gradient, factor)));
    }
}

/// <summary>Multiplication by a number in the catalogue.</summary>
internal static class ScaleOperator
{
    public static readonly OperatorDefinition<ElementwiseArguments<ScaleOperation>> Definition = ElementwiseOperator<ScaleOperation>.Define(
        "Scale",
        "y = factor · x");
}
