using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// Sine and cosine to about 1e-7 of one, for angles up to some hundred thousand: once for a GPU thread and once for sixteen SIMD lanes, with the same
/// coefficients. The polynomials are minimax fits made for this library.
/// </summary>
internal static class CircularFunctions
{
    private const float QuartersPerRadian = 0.636619772f;

    // π/2 as the sum of two numbers: with one rounding in each step, what is left of an angle is exact to 2^-24 of one.
    private const float Quarter = 1.57079637f, QuarterRest = -4.37113883e-8f;

    // Adding 1.5 · 2^23 rounds to an integer.
    private const float Magic = 12582912f;

    // (sin(r) / r − 1) / r² and (cos(r) − 1 + r² / 2) / r⁴ in r², for |r| ≤ π/4.
    private const float Sin1 = -0.166666543f, Sin2 = 0.00833213426f, Sin3 = -0.00019511133f;
    private const float Cos1 = 0.0416666459f, Cos2 = -0.00138873164f, Cos3 = 2.44322153e-5f;

    /// <summary>sin x.</summary>
    public static float Sine(float x) => InQuarter(x, 0);

    /// <summary>cos x.</summary>
    public static float Cosine(float x) => InQuarter(x, 1);

    /// <summary>sin x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sine(Vector512<float> x) => InQuarter(x, 0);

    /// <summary>cos x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Cosine(Vector512<float> x) => InQuarter(x, 1);

    // sin(x + ahead · π/2)
    private static float InQuarter(float x, int ahead)
    {
        float quarters = x * QuartersPerRadian + Magic - Magic;
        float r = Fused.MultiplyAdd(quarters, -Quarter, x);
        r = Fused.MultiplyAdd(quarters, -QuarterRest, r);
        float s = r * r;
        float sine = Fused.MultiplyAdd(Fused.MultiplyAdd(Fused.MultiplyAdd(Sin3, s, Sin2), s, Sin1), r * s, r);
        float cosine = Fused.MultiplyAdd(Fused.MultiplyAdd(Fused.MultiplyAdd(Cos3, s, Cos2), s, Cos1), s * s, Fused.MultiplyAdd(-0.5f, s, 1f));
        int quarter = (int)quarters + ahead;
        float value = (quarter & 1) == 0 ? sine : cosine;
        return (quarter & 2) == 0 ? value : -value;
    }

    private static Vector512<float> InQuarter(Vector512<float> x, int ahead)
    {
        Vector512<float> magic = Vector512.Create(Magic), shifted = Vector512.FusedMultiplyAdd(x, Vector512.Create(QuartersPerRadian), magic);
        Vector512<float> quarters = shifted - magic;
        Vector512<float> r = Vector512.FusedMultiplyAdd(quarters, Vector512.Create(-Quarter), x);
        r = Vector512.FusedMultiplyAdd(quarters, Vector512.Create(-QuarterRest), r);
        Vector512<float> s = r * r;
        Vector512<float> sine = Polynomial(s, Sin3, Sin2, Sin1), cosine = Polynomial(s, Cos3, Cos2, Cos1);
        sine = Vector512.FusedMultiplyAdd(sine, r * s, r);
        cosine = Vector512.FusedMultiplyAdd(cosine, s * s, Vector512.FusedMultiplyAdd(Vector512.Create(-0.5f), s, Vector512<float>.One));

        // The integer is in the low bits of what the magic number was added to.
        Vector512<int> quarter = shifted.AsInt32() + Vector512.Create(ahead);
        Vector512<float> isSine = Vector512.Equals(quarter & Vector512<int>.One, Vector512<int>.Zero).AsSingle();
        Vector512<float> sign = ((quarter & Vector512.Create(2)) << 30).AsSingle();
        return Vector512.ConditionalSelect(isSine, sine, cosine) ^ sign;
    }

    private static Vector512<float> Polynomial(Vector512<float> s, float third, float second, float first) => Vector512.FusedMultiplyAdd(
        Vector512.FusedMultiplyAdd(Vector512.Create(third), s, Vector512.Create(second)), s, Vector512.Create(first));
}
