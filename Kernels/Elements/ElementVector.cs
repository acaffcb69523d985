using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// Sixteen stored numbers at a time, widened to float32, for the Vectorized kernels. <see cref="Vector512{T}"/> compiles to AVX-512 where there is one
/// and to pairs of 256-bit (or four 128-bit) operations elsewhere.
/// </summary>
internal static unsafe class ElementVector
{
    /// <summary>How many numbers one vector holds.</summary>
    public const int Width = 16;

    /// <summary>Reads 16 elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load<TElement>(TElement* source)
        where TElement : unmanaged, IElement<TElement>
    {
        if (typeof(TElement) == typeof(Float32))
            return Vector512.Load((float*)source);

        (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load((ushort*)source));
        Vector512<uint> bits = Vector512.Create(low, high);
        if (typeof(TElement) == typeof(BFloat16))
            return (bits << 16).AsSingle();

        Vector512<uint> sign = (bits & Vector512.Create(0x8000u)) << 16;
        Vector512<uint> magnitude = bits & Vector512.Create(0x7fffu);
        Vector512<uint> finite = ((magnitude << 13).AsSingle() * Vector512.Create(5.192296858534828e33f)).AsUInt32();
        Vector512<uint> special = Vector512.Create(0x7f800000u) | (magnitude << 13);
        Vector512<uint> isSpecial = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x7c00u));
        return (sign | Vector512.ConditionalSelect(isSpecial, special, finite)).AsSingle();
    }

    /// <summary>Writes 16 elements, rounding to nearest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TElement>(Vector512<float> value, TElement* target)
        where TElement : unmanaged, IElement<TElement>
    {
        if (typeof(TElement) == typeof(Float32))
        {
            value.Store((float*)target);
            return;
        }

        float* lanes = stackalloc float[Width];
        value.Store(lanes);
        for (int i = 0; i < Width; i++)
            target[i] = TElement.FromSingle(lanes[i]);
    }

    /// <summary>Reads the last <paramref name="count"/> (1 to 15) elements of a row and fills the rest with <paramref name="fill"/>.</summary>
    public static Vector512<float> LoadPartial<TElement>(TElement* source, int count, float fill = 0f)
        where TElement : unmanaged, IElement<TElement>
    {
        float* lanes = stackalloc float[Width];
        for (int i = 0; i < Width; i++)
            lanes[i] = i < count ? TElement.ToSingle(source[i]) : fill;
        return Vector512.Load(lanes);
    }

    /// <summary>Writes the first <paramref name="count"/> (1 to 15) lanes.</summary>
    public static void StorePartial<TElement>(Vector512<float> value, TElement* target, int count)
        where TElement : unmanaged, IElement<TElement>
    {
        float* lanes = stackalloc float[Width];
        value.Store(lanes);
        for (int i = 0; i < count; i++)
            target[i] = TElement.FromSingle(lanes[i]);
    }
}
