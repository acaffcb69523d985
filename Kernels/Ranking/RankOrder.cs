using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>The order of numbers in a row: by size, NaN above all, equal ones by their place.</summary>
internal static class RankOrder
{
    private const uint SignBit = 0x80000000u;
    private const uint Infinity = 0x7f800000u;

    /// <summary>A number that is larger for a larger x; the same for zero and minus zero, and for all NaN.</summary>
    public static int Key(float x)
    {
        uint bits = Interop.FloatAsInt(x), magnitude = bits & ~SignBit;
        if (magnitude > Infinity)
            return int.MaxValue;
        int size = (int)magnitude;
        return (bits & SignBit) != 0u ? -size : size;
    }

    /// <summary>The key by which <paramref name="x"/> is sorted; NaN is above all in either direction where <paramref name="extreme"/> is asked for.</summary>
    /// <param name="x">The number.</param>
    /// <param name="descending">1 for the largest first.</param>
    /// <param name="extreme">1 where NaN is what is looked for, in whichever direction.</param>
    public static int SortKey(float x, int descending, int extreme)
    {
        int key = Key(x);
        if (descending != 0)
            key = -key;
        return extreme != 0 && Key(x) == int.MaxValue ? -int.MaxValue : key;
    }
}
