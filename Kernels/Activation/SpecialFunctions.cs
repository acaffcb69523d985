using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>
/// The transcendental functions that activations are made of, to about 1e-7, once for a GPU thread and once for sixteen SIMD lanes with the same
/// coefficients. They use nothing but 2^x and arithmetic, so no device library is needed and every backend gives the same numbers to rounding.
/// </summary>
/// <remarks>The polynomials are weighted minimax fits (Lawson's iteration) made for this library.</remarks>
internal static class SpecialFunctions
{
    private const float Log2E = 1.44269504f;
    private const float Sqrt2 = 1.41421356f;

    // log2 Φ(−a) + 1 over a, for 0 ≤ a ≤ 6; its error is weighted by Φ(−a) · max(a, 1), what it adds to GELU: 1.5e-8. Beyond 6 it keeps falling.
    private const float Cdf1 = -1.15110604f, Cdf2 = -0.459198281f, Cdf3 = -0.0525336148f, Cdf4 = 0.00712686753f;
    private const float Cdf5 = -0.000191705337f, Cdf6 = -0.000161293114f, Cdf7 = 3.37376702e-05f, Cdf8 = -2.33493732e-06f;

    // Past this 2^polynomial is zero in float32, and a larger argument would only overflow.
    private const float CdfEnd = 20f;

    // erf(x) / x in x², for |x| ≤ 0.75: relative error 1.4e-9.
    private const float ErfSmall = 0.75f;
    private const float Erf0 = 1.12837917f, Erf1 = -0.376126188f, Erf2 = 0.112833765f, Erf3 = -0.0268346219f, Erf4 = 0.00511433944f, Erf5 = -0.000674946483f;

    // (tanh(x) / x − 1) / x² in x², for |x| ≤ 0.625: relative error of tanh 4.4e-9.
    private const float TanhSmall = 0.625f;
    private const float Tanh1 = -0.333332819f, Tanh2 = 0.13331442f, Tanh3 = -0.0537396959f, Tanh4 = 0.0206390211f, Tanh5 = -0.00570490957f;

    // (2^x − 1) / x for |x| ≤ 1/2: relative error of 2^x 2.0e-9.
    private const float Exp1 = 0.693147203f, Exp2A = 0.240226479f, Exp3 = 0.0555033246f, Exp4 = 0.00961843736f, Exp5 = 0.0013398881f, Exp6 = 0.000153533777f;

    /// <summary>2^x.</summary>
    public static float PowerOfTwo(float x) => XMath.Exp2(x);

    /// <summary>2^x; exactly zero below −126, where the results are no normal numbers, and ∞ from 128 on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> PowerOfTwo(Vector512<float> x)
    {
        // Saturation is exact: what multiplies a huge number by this must get 0 or ∞ where the formula says so.
        Vector512<float> isZero = Vector512.LessThan(x, Vector512.Create(-126f)), isInfinite = Vector512.GreaterThanOrEqual(x, Vector512.Create(128f));

        // The native forms return their second operand if it is NaN, so NaN stays NaN. The upper bound is the last number before 128.
        x = Vector512.MinNative(Vector512.Create(127.999992f), Vector512.MaxNative(Vector512.Create(-126f), x));

        // Adding 1.5 · 2^23 rounds to an integer, which is then in the low bits.
        Vector512<float> magic = Vector512.Create(12582912f);
        Vector512<float> shifted = x + magic;
        Vector512<float> f = x - (shifted - magic);
        Vector512<float> p = Vector512.Create(Exp6);
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(Exp5));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(Exp4));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(Exp3));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(Exp2A));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512.Create(Exp1));
        p = Vector512.FusedMultiplyAdd(p, f, Vector512<float>.One);
        Vector512<float> power = (p.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();
        return Vector512.ConditionalSelect(isInfinite, Vector512.Create(float.PositiveInfinity), Vector512.AndNot(power, isZero));
    }

    /// <summary>e^x.</summary>
    public static float Exp(float x) => XMath.Exp2(x * Log2E);

    /// <summary>e^x, exactly 1 at 0, where a GPU's approximation need not be: one class alone has probability 1 and no gradient.</summary>
    public static float ExpOneAtZero(float x) => x == 0f ? 1f : Exp(x);

    /// <summary>ln x, exactly 0 at 1, likewise.</summary>
    public static float LogZeroAtOne(float x) => x == 1f ? 0f : XMath.Log(x);

    /// <summary>e^x, with the limits of <see cref="PowerOfTwo(Vector512{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x) => PowerOfTwo(x * Vector512.Create(Log2E));

    /// <summary>1 / (1 + e^−x).</summary>
    public static float Sigmoid(float x) => 1f / (1f + Exp(-x));

    /// <summary>1 / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    /// <summary>tanh x.</summary>
    public static float Tanh(float x)
    {
        float a = IntrinsicMath.Abs(x), s = x * x;
        float p = Fused.MultiplyAdd(Tanh5, s, Tanh4);
        p = Fused.MultiplyAdd(p, s, Tanh3);
        p = Fused.MultiplyAdd(p, s, Tanh2);
        p = Fused.MultiplyAdd(p, s, Tanh1);
        float small = Fused.MultiplyAdd(p, x * s, x);
        float large = 1f - 2f / (1f + Exp(2f * a));
        return a < TanhSmall ? small : x < 0f ? -large : large;
    }

    /// <summary>tanh x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        Vector512<float> a = Vector512.Abs(x), s = x * x, one = Vector512<float>.One;
        Vector512<float> p = Vector512.Create(Tanh5);
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(Tanh4));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(Tanh3));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(Tanh2));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(Tanh1));
        Vector512<float> small = Vector512.FusedMultiplyAdd(p, x * s, x);
        Vector512<float> large = one - Vector512.Create(2f) / (one + Exp(a + a));
        return Vector512.ConditionalSelect(Vector512.LessThan(a, Vector512.Create(TanhSmall)), small, large | (x & Vector512.Create(-0f)));
    }

    /// <summary>Φ(−a), the normal distribution's upper tail, for a ≥ 0.</summary>
    public static float NormalTail(float a)
    {
        a = LaneMath.Min(a, CdfEnd);
        float p = Fused.MultiplyAdd(Cdf8, a, Cdf7);
        p = Fused.MultiplyAdd(p, a, Cdf6);
        p = Fused.MultiplyAdd(p, a, Cdf5);
        p = Fused.MultiplyAdd(p, a, Cdf4);
        p = Fused.MultiplyAdd(p, a, Cdf3);
        p = Fused.MultiplyAdd(p, a, Cdf2);
        p = Fused.MultiplyAdd(p, a, Cdf1);
        return XMath.Exp2(Fused.MultiplyAdd(p, a, -1f));
    }

    /// <summary>Φ(−a), the normal distribution's upper tail, for a ≥ 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> NormalTail(Vector512<float> a)
    {
        a = Vector512.MinNative(Vector512.Create(CdfEnd), a);
        Vector512<float> p = Vector512.Create(Cdf8);
        p = Vector512.FusedMultiplyAdd(p, a, Vector512.Create(Cdf7));
        p = Vector512.FusedMultiplyAdd(p, a, Vector512.Create(Cdf6));
        p = Vector512.FusedMultiplyAdd(p, a, Vector512.Create(Cdf5));
        p = Vector512.FusedMultiplyAdd(p, a, Vector512.Create(Cdf4));
        p = Vector512.FusedMultiplyAdd(p, a, Vector512.Create(Cdf3));
        p = Vector512.FusedMultiplyAdd(p, a, Vector512.Create(Cdf2));
        p = Vector512.FusedMultiplyAdd(p, a, Vector512.Create(Cdf1));
        return PowerOfTwo(Vector512.FusedMultiplyAdd(p, a, -Vector512<float>.One));
    }

    /// <summary>erf x.</summary>
    public static float Erf(float x)
    {
        float a = IntrinsicMath.Abs(x), s = x * x;
        float p = Fused.MultiplyAdd(Erf5, s, Erf4);
        p = Fused.MultiplyAdd(p, s, Erf3);
        p = Fused.MultiplyAdd(p, s, Erf2);
        p = Fused.MultiplyAdd(p, s, Erf1);
        p = Fused.MultiplyAdd(p, s, Erf0);
        float large = 1f - 2f * NormalTail(Sqrt2 * a);
        return a < ErfSmall ? p * x : x < 0f ? -large : large;
    }

    /// <summary>erf x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Erf(Vector512<float> x)
    {
        Vector512<float> a = Vector512.Abs(x), s = x * x;
        Vector512<float> p = Vector512.Create(Erf5);
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(Erf4));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(Erf3));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(Erf2));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(Erf1));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(Erf0));
        Vector512<float> large = Vector512<float>.One - Vector512.Create(2f) * NormalTail(a * Vector512.Create(Sqrt2));
        return Vector512.ConditionalSelect(Vector512.LessThan(a, Vector512.Create(ErfSmall)), p * x, large | (x & Vector512.Create(-0f)));
    }
}
