using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The gradients of <see cref="RmsNorm"/>: with x̂ the normalised row and g = dy · (gain + offset), dx = sqrt(dim) / ‖x‖ · (g − x̂ · mean(g · x̂)) and
    /// dgain = Σ dy · x̂.
    /// </summary>
    /// <param name="outputGradient">dy, of the input's shape and data type.</param>
    /// <param name="input">x […, dim], as in the forward.</param>
    /// <param name="gain">As in the forward.</param>
    /// <param name="gainOffset">As in the forward.</param>
    /// <param name="wantsGain">Whether the gain's gradient is computed; it costs another pass over both tensors.</param>
    /// <returns>dx of the input's shape, and dgain of the gain's shape or null. Both are the same in every run: no atomics.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static (Tensor InputGradient, Tensor? GainGradient) RmsNormBackward(
        Tensor outputGradient, Tensor input, Tensor? gain, float gainOffset = 0f, bool wantsGain = true)
        => RowNormBackwardOperator<RmsNormalization>.Run(
            RmsNormBackwardOperator.Definition, outputGradient, input, gain, gainOffset, RmsNormEpsilon, wantsGain);
}

/// <summary>The gradients of RmsNorm in the catalogue.</summary>
internal static class RmsNormBackwardOperator
{
    public static readonly OperatorDefinition<RowNormBackwardArguments<RmsNormalization>> Definition = RowNormBackwardOperator<RmsNormalization>.Define(
        "RmsNormBackward",
        "dx = sqrt(dim) / ‖x‖ (g − x (g·x) / ‖x‖²), dgain = Σ dy x̂");
}
