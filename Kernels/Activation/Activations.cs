using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>f(x) = x.</summary>
internal readonly struct IdentityActivation : IActivation
{
    public static float Apply(float x) => x;

    public static Vector512<float> Apply(Vector512<float> x) => x;
}

/// <summary>f(x) = x Φ(x), Φ being the normal distribution function: the exact (erf) GELU of Hendrycks and Gimpel, 2016.</summary>
internal readonly struct GeluActivation : IActivation
{
    // x Φ(x) = max(x, 0) − |x| Φ(−|x|): the tail is computed, not 1 − erf, so nothing cancels for negative x.
    public static float Apply(float x)
    {
        float a = LaneMath.Min(IntrinsicMath.Abs(x), 20f);
        return LaneMath.Max(x, 0f) - a * SpecialFunctions.NormalTail(a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x)
    {
        Vector512<float> a = Vector512.MinNative(Vector512.Create(20f), Vector512.Abs(x));
        return Vector512.MaxNative(Vector512<float>.Zero, x) - a * SpecialFunctions.NormalTail(a);
    }
}

/// <summary>f(x) = x / (1 + e^−x), also called swish.</summary>
internal readonly struct SiluActivation : IActivation
{
    // Past this the sigmoid is zero in float32; without the bound −∞ would give −∞ · 0.
    internal const float End = -200f;

    public static float Apply(float x) => LaneMath.Max(x, End) * SpecialFunctions.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x) => Vector512.MaxNative(Vector512.Create(End), x) * SpecialFunctions.Sigmoid(x);
}

/// <summary>f(x) = max(x, 0)².</summary>
internal readonly struct ReluSquaredActivation : IActivation
{
    public static float Apply(float x)
    {
        float positive = LaneMath.Max(x, 0f);
        return positive * positive;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x)
    {
        Vector512<float> positive = Vector512.MaxNative(Vector512<float>.Zero, x);
        return positive * positive;
    }
}

/// <summary>f(x) = max(x, 0).</summary>
internal readonly struct ReluActivation : IActivation
{
    public static float Apply(float x) => LaneMath.Max(x, 0f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x) => Vector512.MaxNative(Vector512<float>.Zero, x);
}

/// <summary>f(x) = 1 / (1 + e^−x).</summary>
internal readonly struct SigmoidActivation : IActivation
{
    public static float Apply(float x) => SpecialFunctions.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x) => SpecialFunctions.Sigmoid(x);
}

/// <summary>f(x) = tanh x.</summary>
internal readonly struct TanhActivation : IActivation
{
    public static float Apply(float x) => SpecialFunctions.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x) => SpecialFunctions.Tanh(x);
}

/// <summary>f(x) = erf x.</summary>
internal readonly struct ErfActivation : IActivation
{
    public static float Apply(float x) => SpecialFunctions.Erf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x) => SpecialFunctions.Erf(x);
}
