using GpuTransformer.Kernels;
using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>The derivatives of the activations by their definitions, in any precision; at ±∞ their limits.</summary>
internal static class ActivationDerivativeReference
{
    /// <summary>f′(x) for the function that <paramref name="code"/> (see <see cref="ActivationCode"/>) names.</summary>
    public static T Apply<T>(int code, T x)
        where T : IFloatingPointIeee754<T>
    {
        T one = T.One, two = one + one, sigmoid = one / (one + T.Exp(-x));
        if (T.IsInfinity(x) && code is (ActivationCode.Gelu or ActivationCode.Silu))
            return x > T.Zero ? one : T.Zero;
        return code switch
        {
            ActivationCode.None => one,
            ActivationCode.Gelu => (one + ActivationReference.Erf(x / T.Sqrt(two))) / two + x * T.Exp(-x * x / two) / T.Sqrt(two * T.Pi),
            ActivationCode.Silu => sigmoid * (one + x * (one - sigmoid)),
            ActivationCode.ReluSquared => two * T.Max(x, T.Zero),
            ActivationCode.Relu => x > T.Zero ? one : T.Zero,
            ActivationCode.Sigmoid => sigmoid * (one - sigmoid),
            ActivationCode.Tanh => one - T.Tanh(x) * T.Tanh(x),
            ActivationCode.Erf => two * T.Exp(-x * x) / T.Sqrt(T.Pi),
            _ => throw new ArgumentOutOfRangeException(nameof(code), code, "Not an activation."),
        };
    }
}
