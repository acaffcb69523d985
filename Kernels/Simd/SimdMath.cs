using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>The transcendental functions that attention needs, for any vector width.</summary>
internal static class SimdMath<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    // Adding 1.5 · 2^23 rounds to an integer, which is then in the low bits.
    private const float RoundingMagic = 12582912f;

    // log2 e in two parts: one float32 alone would cost |x| · 1.3e-8 of relative error.
    private const float Log2EHigh = 1.44269502f, Log2ELow = 1.92596303e-8f;

    // Below this e^x is not a normal number.
    private const float Smallest = -87.3f;

    // (2^f − 1) / f for |f| ≤ 1/2, minimax: relative error of 2^f 2.0e-9.
    private const float Exp1 = 0.693147203f, Exp2 = 0.240226479f, Exp3 = 0.0555033246f, Exp4 = 0.00961843736f, Exp5 = 0.0013398881f, Exp6 = 0.000153533777f;

    // (tanh(x) / x − 1) / x² in x², for |x| ≤ 0.625: relative error of tanh 4.4e-9.
    private const float TanhSmall = 0.625f;
    private const float Tanh1 = -0.333332819f, Tanh2 = 0.13331442f, Tanh3 = -0.0537396959f, Tanh4 = 0.0206390211f, Tanh5 = -0.00570490957f;

    /// <summary>e^x for x ≤ 88, to 1.2e-7; exactly zero below −87.3, −∞ included; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp(TVector x)
    {
        TVector magic = TSimd.Create(RoundingMagic);
        TVector shifted = TSimd.MultiplyAdd(x, TSimd.Create(Log2EHigh), magic);
        TVector whole = TSimd.Subtract(magic, shifted);
        TVector f = TSimd.MultiplyAdd(x, TSimd.Create(Log2ELow), TSimd.MultiplyAdd(x, TSimd.Create(Log2EHigh), whole));
        TVector p = TSimd.MultiplyAdd(TSimd.Create(Exp6), f, TSimd.Create(Exp5));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(Exp4));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(Exp3));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(Exp2));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(Exp1));
        p = TSimd.MultiplyAdd(p, f, TSimd.Create(1f));
        return TSimd.SelectLess(x, TSimd.Create(Smallest), default, TSimd.ScaleByPowerOfTwo(p, shifted));
    }

    /// <summary>tanh x, to 2e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Tanh(TVector x)
    {
        TVector magnitude = TSimd.Abs(x), square = TSimd.Multiply(x, x), one = TSimd.Create(1f);
        TVector p = TSimd.MultiplyAdd(TSimd.Create(Tanh5), square, TSimd.Create(Tanh4));
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(Tanh3));
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(Tanh2));
        p = TSimd.MultiplyAdd(p, square, TSimd.Create(Tanh1));
        TVector small = TSimd.MultiplyAdd(TSimd.Multiply(x, square), p, x);

        // With the negative exponential nothing overflows.
        TVector e = Exp(TSimd.Multiply(magnitude, TSimd.Create(-2f)));
        TVector large = TSimd.Divide(TSimd.Subtract(one, e), TSimd.Add(one, e));
        return TSimd.SelectLess(magnitude, TSimd.Create(TanhSmall), small, TSimd.WithSign(large, x));
    }
}
