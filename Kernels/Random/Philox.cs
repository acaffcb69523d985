using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// Philox 4×32-10, the counter-based generator of Salmon et al. 2011: 128 random bits from a 128-bit counter and a 64-bit key, by ten rounds of
/// multiplication. Nothing is stored between calls, so what was drawn can be drawn again, anywhere and in any order.
/// </summary>
internal static class Philox
{
    private const int Rounds = 10;
    private const uint MultiplierA = 0xD2511F53, MultiplierB = 0xCD9E8D57;
    private const uint WeylA = 0x9E3779B9, WeylB = 0xBB67AE85;

    /// <summary>Four random words, in a GPU thread.</summary>
    public static PhiloxWords Draw(PhiloxWords counter, uint keyA, uint keyB)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong a = (ulong)MultiplierA * counter.X, b = (ulong)MultiplierB * counter.Z;
            counter = new PhiloxWords((uint)(b >> 32) ^ counter.Y ^ keyA, (uint)b, (uint)(a >> 32) ^ counter.W ^ keyB, (uint)a);
            keyA += WeylA;
            keyB += WeylB;
        }

        return counter;
    }

    /// <summary>Four random words for each of sixteen counters.</summary>
    public static PhiloxVectors Draw(PhiloxVectors counter, uint keyA, uint keyB)
    {
        for (int round = 0; round < Rounds; round++)
        {
            Vector512<uint> highA = MultiplyHigh(counter.X, MultiplierA), highB = MultiplyHigh(counter.Z, MultiplierB);
            counter = new PhiloxVectors(
                highB ^ counter.Y ^ Vector512.Create(keyA),
                counter.Z * Vector512.Create(MultiplierB),
                highA ^ counter.W ^ Vector512.Create(keyB),
                counter.X * Vector512.Create(MultiplierA));
            keyA += WeylA;
            keyB += WeylB;
        }

        return counter;
    }

    // The upper halves of the products: those of the even lanes are shifted down, those of the odd lanes are where they belong.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> MultiplyHigh(Vector512<uint> x, uint multiplier)
    {
        Vector512<ulong> factor = Vector512.Create((ulong)multiplier), lower = Vector512.Create(0xffffffffUL);
        Vector512<ulong> even = ((x.AsUInt64() & lower) * factor) >>> 32;
        Vector512<ulong> odd = (x.AsUInt64() >>> 32) * factor & ~lower;
        return (even | odd).AsUInt32();
    }
}

/// <summary>A counter, or what was drawn with it.</summary>
internal readonly struct PhiloxWords(uint x, uint y, uint z, uint w)
{
    public readonly uint X = x, Y = y, Z = z, W = w;
}

/// <summary>Sixteen counters, or what was drawn with them.</summary>
internal readonly struct PhiloxVectors(Vector512<uint> x, Vector512<uint> y, Vector512<uint> z, Vector512<uint> w)
{
    public readonly Vector512<uint> X = x, Y = y, Z = z, W = w;
}
