namespace GpuTransformer.Kernels;

/// <summary>A byte that is true unless it is 0, as the number 1 or 0; what is stored is 0 or 1.</summary>
internal readonly struct Flag(byte bits) : IElement<Flag>
{
    private readonly byte _bits = bits;

    public static float ToSingle(Flag value) => value._bits == 0 ? 0f : 1f;

    public static Flag FromSingle(float value) => new(value == 0f ? (byte)0 : (byte)1);
}
