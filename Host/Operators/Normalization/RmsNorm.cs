using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    // x-transformers clamps the norm instead of adding to the mean square.
    private const float RmsNormEpsilon = 1e-12f;

    /// <summary>y = x / max(‖x‖₂, 1e-12) · sqrt(dim) · (gain + <paramref name="gainOffset"/>) over the last axis.</summary>
    /// <param name="input">[…, dim]</param>
    /// <param name="gain">[dim]; [1], which makes it ScaleNorm; [groups, dim] where the rows divide evenly into groups; or null for a gain of one.</param>
    /// <param name="gainOffset">Added to the stored gain: 1 where gains are stored minus one.</param>
    /// <returns>A tensor of the input's shape and data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    /// <remarks>Zhang, Sennrich 2019, in x-transformers' form: ε bounds the L2 norm from below and is not inside the square root.</remarks>
    public static Tensor RmsNorm(Tensor input, Tensor? gain, float gainOffset = 0f)
    {
        Tensor output = RowNormOperator<RmsNormalization>.Run(RmsNormOperator.Definition, input, gain, gainOffset, RmsNormEpsilon);
        if (input.Device.Records(input, gain))
            Record(input, gain, gainOffset, output);
        return output;

        static void Record(Tensor input, Tensor? gain, float gainOffset, Tensor output)
            => input.Device.Record(output, gradient =>
            {
                (Tensor inputGradient, Tensor? gainGradient) = RmsNormBackward(gradient, input, gain, gainOffset, GradientTape.Wants(gain));
                GradientTape.Accumulate(input, inputGradient);
                if (gainGradient is not null)
                    GradientTape.Accumulate(gain!, gainGradient);
            }, input, GradientTape.Wants(input) ? gain : null);
    }
}

/// <summary>RmsNorm in the catalogue.</summary>
internal static class RmsNormOperator
{
    public static readonly OperatorDefinition<RowNormArguments<RmsNormalization>> Definition = RowNormOperator<RmsNormalization>.Define(
        "RmsNorm",
        "y = x / max(‖x‖, 1e-12) · sqrt(dim) · (gain + offset)");
}
