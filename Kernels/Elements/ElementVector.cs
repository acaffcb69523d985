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
        if (typeof(TElement) == typeof(Flag))
            return LoadFlags((byte*)source);

        // One instruction; widening the halves one by one goes through memory.
        Vector512<uint> bits = Vector512.WidenLower(Vector256.Load((ushort*)source).ToVector512Unsafe());
        if (typeof(TElement) == typeof(BFloat16))
            return (bits << 16).AsSingle();

        Vector512<uint> sign = (bits & Vector512.Create(0x8000u)) << 16;
        Vector512<uint> magnitude = bits & Vector512.Create(0x7fffu);
        Vector512<uint> finite = ((magnitude << 13).AsSingle() * Vector512.Create(5.192296858534828e33f)).AsUInt32();
        Vector512<uint> special = Vector512.Create(0x7f800000u) | (magnitude << 13);
        Vector512<uint> isSpecial = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x7c00u));
        return (sign | Vector512.ConditionalSelect(isSpecial, special, finite)).AsSingle();
    }

    /// <summary>Reads 16 elements, or the <paramref name="count"/> that a row has left, the other lanes being <paramref name="fill"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load<TElement>(TElement* source, int count, float fill = 0f)
        where TElement : unmanaged, IElement<TElement>
        => count >= Width ? Load(source) : LoadPartial(source, count, fill);

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

        if (typeof(TElement) == typeof(Flag))
        {
            StoreFlags(value, (byte*)target);
            return;
        }

        Vector512<uint> bits = value.AsUInt32();
        Vector512<uint> rounded = typeof(TElement) == typeof(BFloat16) ? RoundToBFloat16(bits) : RoundToFloat16(bits);
        Vector256.Narrow(rounded.GetLower(), rounded.GetUpper()).Store((ushort*)target);
    }

    /// <summary>Writes 16 elements, or the first <paramref name="count"/> that a row has left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TElement>(Vector512<float> value, TElement* target, int count)
        where TElement : unmanaged, IElement<TElement>
    {
        if (count >= Width)
            Store(value, target);
        else
            StorePartial(value, target, count);
    }

    /// <summary>Reads the last <paramref name="count"/> (1 to 15) elements of a row and fills the rest with <paramref name="fill"/>.</summary>
    /// <remarks>Memory behind them is read too: every block of CPU memory is a vector longer than its contents.</remarks>
    public static Vector512<float> LoadPartial<TElement>(TElement* source, int count, float fill = 0f)
        where TElement : unmanaged, IElement<TElement>
        => Keep(Load(source), count, fill);

    /// <summary>The first <paramref name="count"/> lanes; the others become <paramref name="fill"/>.</summary>
    public static Vector512<float> Keep(Vector512<float> value, int count, float fill = 0f)
    {
        Vector512<int> isInside = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count));
        return Vector512.ConditionalSelect(isInside.AsSingle(), value, Vector512.Create(fill));
    }

    /// <summary>Writes the first <paramref name="count"/> (1 to 15) lanes.</summary>
    public static void StorePartial<TElement>(Vector512<float> value, TElement* target, int count)
        where TElement : unmanaged, IElement<TElement>
    {
        TElement* lanes = stackalloc TElement[Width];
        Store(value, lanes);
        for (int i = 0; i < count; i++)
            target[i] = lanes[i];
    }

    private static Vector512<float> LoadFlags(byte* source)
    {
        (Vector128<ushort> lower, Vector128<ushort> upper) = Vector128.Widen(Vector128.Load(source));
        (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Create(lower, upper));
        return Vector512.AndNot(Vector512<float>.One, Vector512.Equals(Vector512.Create(low, high), default).AsSingle());
    }

    private static void StoreFlags(Vector512<float> value, byte* target)
    {
        Vector512<uint> flags = Vector512.AndNot(Vector512<uint>.One, Vector512.Equals(value, default).AsUInt32());
        Vector256<ushort> narrow = Vector256.Narrow(flags.GetLower(), flags.GetUpper());
        Vector128.Narrow(narrow.GetLower(), narrow.GetUpper()).Store(target);
    }

    // The two below are BFloat16.FromSingle and Float16.FromSingle, lane by lane; the comments on the steps are there.
    // Inlined, so that kernels marked for full optimisation from the first call have them so too.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> RoundToBFloat16(Vector512<uint> bits)
    {
        Vector512<uint> upper = bits >>> 16;
        Vector512<uint> rounded = (bits + Vector512.Create(0x7fffu) + (upper & Vector512<uint>.One)) >>> 16;
        Vector512<uint> isNaN = Vector512.GreaterThan(bits & Vector512.Create(0x7fffffffu), Vector512.Create(0x7f800000u));
        return Vector512.ConditionalSelect(isNaN, upper | Vector512.Create(0x40u), rounded);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> RoundToFloat16(Vector512<uint> bits)
    {
        Vector512<uint> sign = (bits >>> 16) & Vector512.Create(0x8000u);
        Vector512<uint> magnitude = bits & Vector512.Create(0x7fffffffu);
        Vector512<uint> subnormal = (magnitude.AsSingle() + Vector512.Create(0.5f)).AsUInt32() - Vector512.Create(0x3f000000u);
        Vector512<uint> normal = (magnitude + Vector512.Create(0xc8000fffu) + ((magnitude >>> 13) & Vector512<uint>.One)) >>> 13;
        Vector512<uint> isNaN = Vector512.GreaterThan(magnitude, Vector512.Create(0x7f800000u));
        Vector512<uint> special = Vector512.ConditionalSelect(isNaN, Vector512.Create(0x7e00u), Vector512.Create(0x7c00u));
        Vector512<uint> isSubnormal = Vector512.LessThan(magnitude, Vector512.Create(0x38800000u));
        Vector512<uint> isSpecial = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x47800000u));
        Vector512<uint> finite = Vector512.ConditionalSelect(isSubnormal, subnormal, normal);
        return sign | Vector512.ConditionalSelect(isSpecial, special, finite);
    }
}
