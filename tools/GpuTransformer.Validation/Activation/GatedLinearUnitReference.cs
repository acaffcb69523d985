using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>The gated linear unit, one element at a time, as the formula reads.</summary>
internal static class GatedLinearUnitReference
{
    /// <summary>output = clamp(value) · f(clamp(gate)) · multiplier.</summary>
    /// <param name="input">[rows, 2 · inner]: the values, then the gates</param>
    /// <param name="multiplier">[inner] or empty</param>
    /// <param name="inner">The width of the output.</param>
    /// <param name="activation">f, by its code.</param>
    /// <param name="valueClamp">The limit of the soft clamp on the values, or 0.</param>
    /// <param name="gateClamp">The limit of the soft clamp on the gates, or 0.</param>
    public static T[] Forward<T>(T[] input, T[] multiplier, int inner, int activation, double valueClamp, double gateClamp)
        where T : IFloatingPointIeee754<T>
    {
        var output = new T[input.Length / 2];
        for (int i = 0; i < output.Length; i++)
        {
            int row = i / inner, column = i % inner;
            T value = Clamp(input[row * 2 * inner + column], valueClamp), gate = Clamp(input[row * 2 * inner + inner + column], gateClamp);
            output[i] = value * ActivationReference.Apply(activation, gate) * (multiplier.Length == 0 ? T.One : multiplier[column]);
        }

        return output;
    }

    /// <summary>
    /// The gradients: with v and g the clamped value and gate, dvalue = dy · m · f(g) · v′, dgate = dy · m · v · f′(g) · g′, dmultiplier = Σ dy · v · f(g) over
    /// the rows.
    /// </summary>
    /// <param name="outputGradient">dy [rows, inner]</param>
    /// <param name="input">[rows, 2 · inner]: the values, then the gates</param>
    /// <param name="multiplier">m [inner] or empty</param>
    /// <param name="inner">The width of the output.</param>
    /// <param name="activation">f, by its code.</param>
    /// <param name="valueClamp">The limit of the soft clamp on the values, or 0.</param>
    /// <param name="gateClamp">The limit of the soft clamp on the gates, or 0.</param>
    public static (T[] Input, T[] Multiplier) Backward<T>(
        T[] outputGradient, T[] input, T[] multiplier, int inner, int activation, double valueClamp, double gateClamp)
        where T : IFloatingPointIeee754<T>
    {
        var inputGradient = new T[input.Length];
        var multiplierGradient = new T[inner];
        for (int i = 0; i < outputGradient.Length; i++)
        {
            int column = i % inner, value = i / inner * 2 * inner + column, gate = value + inner;
            T v = Clamp(input[value], valueClamp), g = Clamp(input[gate], gateClamp);
            T dy = outputGradient[i] * (multiplier.Length == 0 ? T.One : multiplier[column]);
            inputGradient[value] = dy * ActivationReference.Apply(activation, g) * ClampDerivative(input[value], valueClamp);
            inputGradient[gate] = dy * v * ActivationDerivativeReference.Apply(activation, g) * ClampDerivative(input[gate], gateClamp);
            multiplierGradient[column] += outputGradient[i] * v * ActivationReference.Apply(activation, g);
        }

        return (inputGradient, multiplierGradient);
    }

    private static T ClampDerivative<T>(T x, double limit)
        where T : IFloatingPointIeee754<T>
        => limit == 0 ? T.One : ElementwiseReference.SoftClampDerivative(x, limit);

    private static T Clamp<T>(T x, double limit)
        where T : IFloatingPointIeee754<T>
        => limit == 0 ? x : ElementwiseReference.SoftClamp(x, limit);
}
