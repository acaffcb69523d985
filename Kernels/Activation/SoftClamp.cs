using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>c · tanh(x / c): close to x near zero, and never beyond ±c.</summary>
internal static class SoftClamp
{
    /// <summary>One number, in a GPU thread.</summary>
    public static float Apply(float x, float limit) => limit * SpecialFunctions.Tanh(x / limit);

    /// <summary>Sixteen SIMD lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Apply(Vector512<float> x, float limit) => Vector512.Create(limit) * SpecialFunctions.Tanh(x / Vector512.Create(limit));

    /// <summary>As <see cref="Apply(float, float)"/>; x itself where the limit is 0, which stands for none.</summary>
    public static float ApplyIfSet(float x, float limit) => limit > 0f ? Apply(x, limit) : x;

    /// <summary>As <see cref="Apply(Vector512{float}, float)"/>; x itself where the limit is 0, which stands for none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ApplyIfSet(Vector512<float> x, float limit) => limit > 0f ? Apply(x, limit) : x;

    /// <summary>d/dx of <see cref="ApplyIfSet(float, float)"/>.</summary>
    public static float Derivative(float x, float limit)
    {
        float derivative = 1f;
        if (limit > 0f)
        {
            float t = SpecialFunctions.Tanh(x / limit);
            derivative = 1f - t * t;
        }

        return derivative;
    }

    /// <summary>d/dx of <see cref="ApplyIfSet(Vector512{float}, float)"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Derivative(Vector512<float> x, float limit)
    {
        if (!(limit > 0f))
            return Vector512<float>.One;
        Vector512<float> t = SpecialFunctions.Tanh(x / Vector512.Create(limit));
        return Vector512<float>.One - t * t;
    }
}
