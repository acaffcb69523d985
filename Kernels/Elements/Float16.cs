using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>IEEE 754 binary16. Rounds to nearest, ties to even; overflow becomes infinity; subnormals and NaN are kept.</summary>
internal readonly struct Float16(ushort bits) : IElement<Float16>
{
    // Shifting the 5-bit exponent under the 8-bit one leaves it 112 too small.
    private const float ExponentRebias = 5.192296858534828e33f; // 2^112

    private readonly ushort _bits = bits;

    public static float ToSingle(Float16 value)
    {
        uint half = value._bits;
        uint sign = (half & 0x8000u) << 16;
        uint magnitude = half & 0x7fffu;
        uint finite = Interop.FloatAsInt(Interop.IntAsFloat(magnitude << 13) * ExponentRebias);
        uint special = 0x7f800000u | (magnitude << 13);
        return Interop.IntAsFloat(sign | (magnitude >= 0x7c00u ? special : finite));
    }

    public static Float16 FromSingle(float value)
    {
        uint bits = Interop.FloatAsInt(value);
        uint sign = (bits >> 16) & 0x8000u;
        uint magnitude = bits & 0x7fffffffu;

        // Adding 0.5 makes the adder shift a subnormal result into place and round it.
        uint subnormal = Interop.FloatAsInt(Interop.IntAsFloat(magnitude) + 0.5f) - 0x3f000000u;
        uint normal = (magnitude + 0xc8000fffu + ((magnitude >> 13) & 1u)) >> 13;
        uint special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
        uint result = magnitude >= 0x47800000u ? special : magnitude < 0x38800000u ? subnormal : normal;
        return new Float16((ushort)(sign | result));
    }
}
