using System.Runtime.Intrinsics;
using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// x^y = 2^(y · log2 |x|) for real numbers, to a few 1e-7 of the result, with C's special values. A logarithm rounded to float32 would cost the result as many
/// digits as the power is large, so it is held in two numbers, of which the second is what the first leaves over.
/// </summary>
internal static class RealPower
{
    private const float Sqrt2 = 1.41421356f, Ln2 = 0.693147181f;

    // 1 / ln 2 and what its rounding leaves over.
    private const float Log2E = 1.44269502f, Log2ERest = 1.92596299e-8f;

    // atanh(q) = q + q³ · polynomial in q², for |q| ≤ (√2 − 1) / (√2 + 1).
    private const float Atanh3 = 0.333333254f, Atanh5 = 0.20001483f, Atanh7 = 0.141992807f, Atanh9 = 0.129333496f;

    // A smaller number has no exponent of its own until it is scaled.
    private const float LeastNormal = 1.17549435e-38f, Scale = 16777216f, ScaleLog2 = 24f;

    // From here on 2^x is 0 or ∞ whatever is added, and every whole number is even.
    private const float Saturated = 200f, Even = 16777216f;

    // Bits above these are no number's; compilers make what they like of comparisons with NaN.
    private const uint Infinity = 0x7f800000u;

    /// <summary>x^y.</summary>
    public static float Of(float x, float y)
    {
        float a = IntrinsicMath.Abs(x), b = IntrinsicMath.Abs(y);
        int whole = b < Even ? (int)b : 0;
        bool isWhole = b >= Even || whole == b;
        float power = a == 0f ? (y < 0f ? float.PositiveInfinity : 0f)
            : a == float.PositiveInfinity ? (y < 0f ? 0f : a)
            : a == 1f ? 1f : OfPositive(a, y);
        if (isWhole && (whole & 1) == 1 && (Interop.FloatAsInt(x) >> 31) == 1u)
            power = -power;
        if (x < 0f && a < float.PositiveInfinity && !isWhole)
            power = float.NaN;
        bool isNumber = Interop.FloatAsInt(a) <= Infinity && Interop.FloatAsInt(b) <= Infinity;
        return y == 0f || x == 1f ? 1f : isNumber ? power : x + y;
    }

    /// <summary>x^y in sixteen SIMD lanes.</summary>
    public static Vector512<float> Of(Vector512<float> x, Vector512<float> y)
    {
        Vector512<float> a = Vector512.Abs(x), b = Vector512.Abs(y), one = Vector512<float>.One, infinity = Vector512.Create(float.PositiveInfinity);
        Vector512<float> isEven = Vector512.GreaterThanOrEqual(b, Vector512.Create(Even));
        Vector512<int> whole = Vector512.ConvertToInt32(Vector512.ConditionalSelect(Vector512.LessThan(b, Vector512.Create(Even)), b, default));
        Vector512<float> isWhole = isEven | Vector512.Equals(Vector512.ConvertToSingle(whole), b), isNegative = Vector512.LessThan(y, default);
        Vector512<float> power = Vector512.ConditionalSelect(Vector512.Equals(a, one), one, OfPositive(a, y));
        power = Vector512.ConditionalSelect(Vector512.Equals(a, infinity), Vector512.AndNot(a, isNegative), power);
        power = Vector512.ConditionalSelect(Vector512.Equals(a, default), infinity & isNegative, power);
        power ^= isWhole & (whole << 31).AsSingle() & x & Vector512.Create(-0f);
        Vector512<float> isNone = Vector512.AndNot(Vector512.LessThan(x, default) & Vector512.LessThan(a, infinity), isWhole);
        power = Vector512.ConditionalSelect(isNone, Vector512.Create(float.NaN), power);
        Vector512<float> isNumber = Vector512.Equals(x, x) & Vector512.Equals(y, y), isOne = Vector512.Equals(y, default) | Vector512.Equals(x, one);
        return Vector512.ConditionalSelect(isOne, one, Vector512.ConditionalSelect(isNumber, power, x + y));
    }

    /// <summary>g · y · x^(y − 1), and zero where the exponent is zero.</summary>
    public static float BaseGradient(float g, float x, float y) => y == 0f ? 0f : g * (y * Of(x, y - 1f));

    /// <summary>The same in sixteen SIMD lanes.</summary>
    public static Vector512<float> BaseGradient(Vector512<float> g, Vector512<float> x, Vector512<float> y)
        => Vector512.AndNot(g * (y * Of(x, y - Vector512<float>.One)), Vector512.Equals(y, default));

    /// <summary>g · x^y · ln x, and zero where the base is zero and the exponent is not negative.</summary>
    public static float ExponentGradient(float g, float x, float y) => x == 0f && y >= 0f ? 0f : g * (Of(x, y) * SpecialFunctions.LogZeroAtOne(x));

    /// <summary>The same in sixteen SIMD lanes.</summary>
    public static Vector512<float> ExponentGradient(Vector512<float> g, Vector512<float> x, Vector512<float> y)
        => Vector512.AndNot(g * (Of(x, y) * Vector512.Log(x)), Vector512.Equals(x, default) & Vector512.GreaterThanOrEqual(y, default));

    // For finite a above zero.
    private static float OfPositive(float a, float y)
    {
        bool isTiny = a < LeastNormal;
        uint bits = Interop.FloatAsInt(isTiny ? a * Scale : a);
        float m = Interop.IntAsFloat((bits & 0x7fffffu) | 0x3f800000u), e = (int)(bits >> 23) - 127;
        if (m > Sqrt2)
        {
            m *= 0.5f;
            e += 1f;
        }

        e = isTiny ? e - ScaleLog2 : e;

        // q = (m − 1) / (m + 1), and what its rounding leaves over.
        float f = m - 1f, inverse = 1f / (f + 2f), q = f * inverse;
        float qRest = inverse * Fused.MultiplyAdd(q, -f, Fused.MultiplyAdd(q, -2f, f));
        float s = q * q, sRest = Fused.MultiplyAdd(q, qRest + qRest, Fused.MultiplyAdd(q, q, -s));
        float cube = s * q, cubeRest = Fused.MultiplyAdd(s, qRest, Fused.MultiplyAdd(sRest, q, Fused.MultiplyAdd(s, q, -cube)));
        float p = Fused.MultiplyAdd(Fused.MultiplyAdd(Fused.MultiplyAdd(Atanh9, s, Atanh7), s, Atanh5), s, Atanh3);
        float ln = q + q, lnRest = Fused.MultiplyAdd(p, cube, Fused.MultiplyAdd(p, cubeRest, qRest)) * 2f;
        float log = ln * Log2E, logRest = Fused.MultiplyAdd(lnRest, Log2E, Fused.MultiplyAdd(ln, Log2ERest, Fused.MultiplyAdd(ln, Log2E, -log)));
        float high = e + log, low = e - high + log + logRest, sum = high + low;
        low = high - sum + low;

        float t = sum * y, tRest = Fused.MultiplyAdd(low, y, Fused.MultiplyAdd(sum, y, -t)), argument = t + tRest;
        float power = SpecialFunctions.PowerOfTwo(argument);
        float exact = Fused.MultiplyAdd((t - argument + tRest) * Ln2, power, power);
        return t > Saturated ? float.PositiveInfinity : t < -Saturated ? 0f : power < float.PositiveInfinity ? exact : power;
    }

    private static Vector512<float> OfPositive(Vector512<float> a, Vector512<float> y)
    {
        Vector512<float> one = Vector512<float>.One, two = Vector512.Create(2f), log2E = Vector512.Create(Log2E);
        Vector512<float> infinity = Vector512.Create(float.PositiveInfinity);
        Vector512<float> isTiny = Vector512.LessThan(a, Vector512.Create(LeastNormal));
        Vector512<uint> bits = Vector512.ConditionalSelect(isTiny, a * Vector512.Create(Scale), a).AsUInt32();
        Vector512<float> m = ((bits & Vector512.Create(0x7fffffu)) | Vector512.Create(0x3f800000u)).AsSingle();
        Vector512<float> isUpper = Vector512.GreaterThan(m, Vector512.Create(Sqrt2));
        m = Vector512.ConditionalSelect(isUpper, m * Vector512.Create(0.5f), m);
        Vector512<float> e = Vector512.ConvertToSingle((bits >>> 23).AsInt32() - Vector512.Create(127));
        e = e + (isUpper & one) - (isTiny & Vector512.Create(ScaleLog2));

        Vector512<float> f = m - one, inverse = one / (f + two), q = f * inverse;
        Vector512<float> qRest = inverse * Fma(q, -f, Fma(q, -two, f));
        Vector512<float> s = q * q, sRest = Fma(q, qRest + qRest, Fma(q, q, -s));
        Vector512<float> cube = s * q, cubeRest = Fma(s, qRest, Fma(sRest, q, Fma(s, q, -cube)));
        Vector512<float> p = Fma(Fma(Vector512.Create(Atanh9), s, Vector512.Create(Atanh7)), s, Vector512.Create(Atanh5));
        p = Fma(p, s, Vector512.Create(Atanh3));
        Vector512<float> ln = q + q, lnRest = Fma(p, cube, Fma(p, cubeRest, qRest)) * two;
        Vector512<float> log = ln * log2E, logRest = Fma(lnRest, log2E, Fma(ln, Vector512.Create(Log2ERest), Fma(ln, log2E, -log)));
        Vector512<float> high = e + log, low = e - high + log + logRest, sum = high + low;
        low = high - sum + low;

        Vector512<float> t = sum * y, tRest = Fma(low, y, Fma(sum, y, -t)), argument = t + tRest;
        Vector512<float> power = SpecialFunctions.PowerOfTwo(argument);
        Vector512<float> exact = Fma((t - argument + tRest) * Vector512.Create(Ln2), power, power);
        power = Vector512.ConditionalSelect(Vector512.LessThan(power, infinity), exact, power);
        power = Vector512.ConditionalSelect(Vector512.GreaterThan(t, Vector512.Create(Saturated)), infinity, power);
        return Vector512.AndNot(power, Vector512.LessThan(t, Vector512.Create(-Saturated)));
    }

    private static Vector512<float> Fma(Vector512<float> a, Vector512<float> b, Vector512<float> sum) => Vector512.FusedMultiplyAdd(a, b, sum);
}
