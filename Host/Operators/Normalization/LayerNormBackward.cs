using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The gradients of <see cref="LayerNorm"/>: with x̂ the normalised row and g = dy · (gain + offset), dx = (g − mean(g) − x̂ · mean(g · x̂)) / sqrt(var +
    /// ε) and dgain = Σ dy · x̂.
    /// </summary>
    /// <param name="outputGradient">dy, of the input's shape and data type.</param>
    /// <param name="input">x […, dim], as in the forward.</param>
    /// <param name="gain">As in the forward.</param>
    /// <param name="gainOffset">As in the forward.</param>
    /// <param name="epsilon">As in the forward.</param>
    /// <param name="wantsGain">Whether the gain's gradient is computed; it costs another pass over both tensors.</param>
    /// <returns>dx of the input's shape, and dgain of the gain's shape or null. Both are the same in every run: no atomics.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static (Tensor InputGradient, Tensor? GainGradient) LayerNormBackward(
        Tensor outputGradient, Tensor input, Tensor? gain, float gainOffset = 0f, float epsilon = 1e-5f, bool wantsGain = true)
        => RowNormBackwardOperator<LayerNormalization>.Run(LayerNormBackwardOperator.Definition, outputGradient, input, gain, gainOffset, epsilon, wantsGain);
}

/// <summary>The gradients of LayerNorm in the catalogue.</summary>
internal static class LayerNormBackwardOperator
{
    public static readonly OperatorDefinition<RowNormBackwardArguments<LayerNormalization>> Definition = RowNormBackwardOperator<LayerNormalization>.Define(
        "LayerNormBackward",
        "dx = (g − mean(g) − x̂ mean(g x̂)) / sqrt(var + ε), dgain = Σ dy x̂");
}
