using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>f′(x) for the function that an <see cref="ActivationCode"/> names, from the forward's input: nothing but that needs to be kept.</summary>
internal static class ActivationDerivative
{
    private const float InverseSqrt2Pi = 0.398942280f;
    private const float TwoOverSqrtPi = 1.12837917f;
    private const float GeluEnd = 20f;

    /// <summary>f′(x) in a GPU thread.</summary>
    public static float Apply(int code, float x)
    {
        float derivative = 1f;
        if (code == ActivationCode.Gelu)
            derivative = Gelu(x);
        else if (code == ActivationCode.Silu)
            derivative = Silu(x);
        else if (code == ActivationCode.ReluSquared)
            derivative = 2f * LaneMath.Max(x, 0f);
        else if (code == ActivationCode.Relu)
            derivative = x > 0f ? 1f : 0f;
        else if (code == ActivationCode.Sigmoid)
            derivative = SpecialFunctions.Sigmoid(x) * SpecialFunctions.Sigmoid(-x);
        else if (code == ActivationCode.Tanh)
            derivative = 1f - SpecialFunctions.Tanh(x) * SpecialFunctions.Tanh(x);
        else if (code == ActivationCode.Erf)
            derivative = TwoOverSqrtPi * SpecialFunctions.Exp(-x * x);
        return derivative;
    }

    /// <summary>f′(x) in sixteen SIMD lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(int code, Vector512<float> x) => code switch
    {
        ActivationCode.Gelu => Gelu(x),
        ActivationCode.Silu => Silu(x),
        ActivationCode.ReluSquared => Vector512.Max(x + x, Vector512<float>.Zero),
        ActivationCode.Relu => Vector512.GreaterThan(x, Vector512<float>.Zero) & Vector512<float>.One,
        ActivationCode.Sigmoid => SpecialFunctions.Sigmoid(x) * SpecialFunctions.Sigmoid(-x),
        ActivationCode.Tanh => Vector512<float>.One - SpecialFunctions.Tanh(x) * SpecialFunctions.Tanh(x),
        ActivationCode.Erf => Vector512.Create(TwoOverSqrtPi) * SpecialFunctions.Exp(-x * x),
        _ => Vector512<float>.One,
    };

    // Φ(x) + x φ(x), x bounded to where φ is zero in float32: beyond, ∞ would give ∞ · 0.
    private static float Gelu(float x)
    {
        x = LaneMath.Min(LaneMath.Max(x, -GeluEnd), GeluEnd);
        float tail = SpecialFunctions.NormalTail(x < 0f ? -x : x);
        return (x < 0f ? tail : 1f - tail) + x * InverseSqrt2Pi * SpecialFunctions.Exp(-0.5f * x * x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Gelu(Vector512<float> x)
    {
        x = Vector512.MinNative(Vector512.Create(GeluEnd), Vector512.MaxNative(Vector512.Create(-GeluEnd), x));
        Vector512<float> tail = SpecialFunctions.NormalTail(Vector512.Abs(x));
        Vector512<float> cumulative = Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), tail, Vector512<float>.One - tail);
        return Vector512.FusedMultiplyAdd(x * Vector512.Create(InverseSqrt2Pi), SpecialFunctions.Exp(x * x * Vector512.Create(-0.5f)), cumulative);
    }

    // s + x s (1 − s), 1 − s(x) being s(−x)
    private static float Silu(float x)
    {
        x = LaneMath.Min(LaneMath.Max(x, SiluActivation.End), -SiluActivation.End);
        float s = SpecialFunctions.Sigmoid(x);
        return s + x * s * SpecialFunctions.Sigmoid(-x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Silu(Vector512<float> x)
    {
        x = Vector512.MinNative(Vector512.Create(-SiluActivation.End), Vector512.MaxNative(Vector512.Create(SiluActivation.End), x));
        Vector512<float> s = SpecialFunctions.Sigmoid(x);
        return Vector512.FusedMultiplyAdd(x * s, SpecialFunctions.Sigmoid(-x), s);
    }
}
