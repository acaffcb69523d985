using ILGPU.IR.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Two bfloat16 numbers in a register.</summary>
internal static class PackedBFloat16
{
    /// <summary>Rounds both to nearest, ties to even. cvt.rn.bf16x2.</summary>
    [IntrinsicImplementation]
    public static uint Pack(float upper, float lower) => (Bits(upper) << 16) | Bits(lower);

    private static uint Bits(float value)
    {
        BFloat16 rounded = BFloat16.FromSingle(value);
        return System.Runtime.CompilerServices.Unsafe.As<BFloat16, ushort>(ref rounded);
    }
}
