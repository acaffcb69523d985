using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace GpuTransformer.Host;

/// <summary>
/// What the host last wrote into a block of memory, where it was integers: enough to check ids without reading them back, which would wait for the device.
/// Kernels write no integers, so it stays true until the next write or copy.
/// </summary>
/// <param name="Start">The first byte that was written.</param>
/// <param name="End">The byte after the last.</param>
/// <param name="Least">The least integer.</param>
/// <param name="LargestNegative">The largest negative integer; zero if none is negative.</param>
/// <param name="Largest">The largest integer.</param>
internal sealed record WrittenIntegers(long Start, long End, long Least, long LargestNegative, long Largest)
{
    /// <summary>About <paramref name="values"/>, written from byte <paramref name="start"/> on; null where they are no integers, or none at all.</summary>
    public static WrittenIntegers? Of<T>(long start, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        if (values.IsEmpty)
            return null;
        if (typeof(T) == typeof(int))
            return Measure(start, MemoryMarshal.Cast<T, int>(values));
        return typeof(T) == typeof(long) ? Measure(start, MemoryMarshal.Cast<T, long>(values)) : null;
    }

    /// <summary>Whether all are in [0, <paramref name="limit"/>).</summary>
    public bool AreBelow(int limit) => Least >= 0 && Largest < limit;

    /// <summary>Whether all are in [0, <paramref name="limit"/>) or equal to <paramref name="exception"/>, which is negative.</summary>
    public bool AreBelow(int limit, int exception) => Largest < limit && (Least >= 0 || (Least == exception && LargestNegative == exception));

    private static unsafe WrittenIntegers Measure<T>(long start, ReadOnlySpan<T> values)
        where T : unmanaged, IBinaryInteger<T>
    {
        T least = TensorPrimitives.Min(values), largestNegative = least;
        if (T.IsNegative(least))
        {
            foreach (T value in values)
            {
                if (T.IsNegative(value))
                    largestNegative = T.Max(largestNegative, value);
            }
        }
        else
        {
            largestNegative = T.Zero;
        }

        return new WrittenIntegers(
            start,
            start + (long)values.Length * sizeof(T),
            long.CreateChecked(least),
            long.CreateChecked(largestNegative),
            long.CreateChecked(TensorPrimitives.Max(values)));
    }
}
