using GpuTransformer.Kernels;
using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>The activations by their definitions, in any precision; at ±∞ their limits, where the formula would read ∞ · 0.</summary>
internal static class ActivationReference
{
    /// <summary>f(x) for the function that <paramref name="code"/> (see <see cref="ActivationCode"/>) names.</summary>
    public static T Apply<T>(int code, T x)
        where T : IFloatingPointIeee754<T>
    {
        T one = T.One, two = one + one;
        if (T.IsNegativeInfinity(x) && code is (ActivationCode.Gelu or ActivationCode.Silu))
            return -T.Zero;
        return code switch
        {
            ActivationCode.None => x,
            ActivationCode.Gelu => x * (one + Erf(x / T.Sqrt(two))) / two,
            ActivationCode.Silu => x / (one + T.Exp(-x)),
            ActivationCode.ReluSquared => T.Max(x, T.Zero) * T.Max(x, T.Zero),
            ActivationCode.Relu => T.Max(x, T.Zero),
            ActivationCode.Sigmoid => one / (one + T.Exp(-x)),
            ActivationCode.Tanh => T.Tanh(x),
            ActivationCode.Erf => Erf(x),
            _ => throw new ArgumentOutOfRangeException(nameof(code), code, "Not an activation."),
        };
    }

    /// <summary>
    /// erf x: the Maclaurin series near zero, the continued fraction of erfc (Abramowitz and Stegun 7.1.14) beyond; exact to the type's rounding.
    /// </summary>
    public static T Erf<T>(T x)
        where T : IFloatingPointIeee754<T>
    {
        // In double whatever T is: the series loses digits that a float does not have to spare.
        double a = Math.Abs(double.CreateChecked(x));
        if (double.IsNaN(a))
            return T.NaN;
        double value = a < 2.5 ? ErfSeries(a) : 1 - ErfcFraction(a);
        return T.CreateChecked(double.CreateChecked(x) < 0 ? -value : value);
    }

    private static double ErfSeries(double x)
    {
        // 2/√π e^(−x²) Σ 2^n x^(2n+1) / (2n+1)!!: all terms positive, so nothing cancels.
        double term = x, sum = x;
        for (int n = 1; term > sum * 1e-18; n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    private static double ErfcFraction(double x)
    {
        double fraction = x;
        for (int n = 60; n >= 1; n--)
            fraction = x + n / 2.0 / fraction;
        return Math.Exp(-x * x) / (Math.Sqrt(Math.PI) * fraction);
    }
}
