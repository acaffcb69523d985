using ILGPU.IR.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// Multiplication and addition with one rounding. GPU kernels are compiled so that no compiler fuses them of its own accord: what must cancel exactly does, and
/// the same bits come out whichever compiler it was. Where fusing is wanted, in the inner loops, it is asked for by this.
/// </summary>
internal static class Fused
{
    /// <summary>a · b + sum. fma.rn.f32.</summary>
    [IntrinsicImplementation]
    public static float MultiplyAdd(float a, float b, float sum) => MathF.FusedMultiplyAdd(a, b, sum);
}
