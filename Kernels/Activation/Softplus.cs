using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>ln(1 + e^x), once for a GPU thread and once for sixteen SIMD lanes; its derivative is the sigmoid.</summary>
/// <remarks>
/// max(x, 0) + ln(1 + e), where e = e^−|x|, and ln(1 + e) = 2 artanh(z) with z = e / (2 + e) in [0, 1/3]: no logarithm, and small results are as exact as large
/// ones. The polynomial is a minimax fit made for this library.
/// </remarks>
internal static class Softplus
{
    // (2 artanh(z) / z − 2) / z² in z².
    private const float P1 = 0.666664261f, P2 = 0.400210977f, P3 = 0.280075824f, P4 = 0.279875623f;

    /// <summary>ln(1 + e^x)</summary>
    public static float Of(float x)
    {
        float e = SpecialFunctions.Exp(-IntrinsicMath.Abs(x)), z = e / (2f + e), s = z * z;
        float p = Fused.MultiplyAdd(Fused.MultiplyAdd(Fused.MultiplyAdd(P4, s, P3), s, P2), s, P1);
        return (x > 0f ? x : 0f) + Fused.MultiplyAdd(p * s, z, z + z);
    }

    /// <summary>ln(1 + e^x)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        Vector512<float> e = SpecialFunctions.Exp(-Vector512.Abs(x)), z = e / (Vector512.Create(2f) + e), s = z * z;
        Vector512<float> p = Vector512.FusedMultiplyAdd(Vector512.Create(P4), s, Vector512.Create(P3));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(P2));
        p = Vector512.FusedMultiplyAdd(p, s, Vector512.Create(P1));
        return Vector512.Max(x, Vector512<float>.Zero) + Vector512.FusedMultiplyAdd(p * s, z, z + z);
    }
}
