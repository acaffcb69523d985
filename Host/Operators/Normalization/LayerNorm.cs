using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>The operators: each checks its arguments, allocates its result and launches the best variant.</summary>
public static partial class Operators
{
    /// <summary>y = (x − mean) / sqrt(var + ε) · (gain + <paramref name="gainOffset"/>) over the last axis, var being the biased variance.</summary>
    /// <param name="input">[…, dim]</param>
    /// <param name="gain">[dim]; [1]; [groups, dim] where the rows divide evenly into groups; or null for a gain of one.</param>
    /// <param name="gainOffset">Added to the stored gain: 1 where gains are stored minus one.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <returns>A tensor of the input's shape and data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    /// <remarks>Ba, Kiros, Hinton 2016, without the bias.</remarks>
    public static Tensor LayerNorm(Tensor input, Tensor? gain, float gainOffset = 0f, float epsilon = 1e-5f)
    {
        Tensor output = RowNormOperator<LayerNormalization>.Run(LayerNormOperator.Definition, input, gain, gainOffset, epsilon);
        if (input.Device.Records(input, gain))
            Record(input, gain, gainOffset, epsilon, output);
        return output;

        static void Record(Tensor input, Tensor? gain, float gainOffset, float epsilon, Tensor output)
            => input.Device.Record(output, gradient =>
            {
                (Tensor inputGradient, Tensor? gainGradient) = LayerNormBackward(gradient, input, gain, gainOffset, epsilon, GradientTape.Wants(gain));
                GradientTape.Accumulate(input, inputGradient);
                if (gainGradient is not null)
                    GradientTape.Accumulate(gain!, gainGradient);
            }, input, GradientTape.Wants(input) ? gain : null);
    }
}

/// <summary>LayerNorm in the catalogue.</summary>
internal static class LayerNormOperator
{
    public static readonly OperatorDefinition<RowNormArguments<LayerNormalization>> Definition = RowNormOperator<LayerNormalization>.Define(
        "LayerNorm",
        "y = (x − mean) / sqrt(var + ε) · (gain + offset)");
}
