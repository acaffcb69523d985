using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>bfloat16: the upper half of a float32. Rounds to nearest, ties to even; NaN stays NaN.</summary>
internal readonly struct BFloat16(ushort bits) : IElement<BFloat16>
{
    private readonly ushort _bits = bits;

    public static float ToSingle(BFloat16 value) => Interop.IntAsFloat((uint)value._bits << 16);

    public static BFloat16 FromSingle(float value)
    {
        uint bits = Interop.FloatAsInt(value);
        uint rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;

        // Rounding would carry a NaN's payload into the sign bit.
        bool isNaN = (bits & 0x7fffffffu) > 0x7f800000u;
        return new BFloat16((ushort)(isNaN ? (bits >> 16) | 0x40u : rounded));
    }
}
