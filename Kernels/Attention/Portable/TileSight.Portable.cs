using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Which pairs of a tile of scores see each other, one bit each, a word of shared memory per thread: the products that weigh rows by scores must leave out what
/// is hidden and not finite, for zero times NaN is NaN. A thread whose sums are not finite computes them again, term by term, and counts a term only where the
/// pair is seen.
/// </summary>
internal static class TileSight
{
    /// <summary>Integers in shared memory.</summary>
    public const int Length = AttentionTiles.GroupSize;

    /// <summary>Stores which of its sixteen keys the thread's softmax row sees, a bit for each. A barrier must follow before they are read.</summary>
    public static void Set(ArrayView<int> sight, int seen) => sight[Group.IdxX] = seen;

    /// <summary>Whether each of the thread's four product rows sees a key of the tile: 1 for the first, 2, 4, 8.</summary>
    public static int OfRows(ArrayView<int> sight, int key)
    {
        int words = key / AttentionTiles.SoftmaxKeys * AttentionTiles.TileRows + AttentionTiles.ProductRow * 4, bit = key % AttentionTiles.SoftmaxKeys;
        return (sight[words] >> bit & 1) | (sight[words + 1] >> bit & 1) << 1 | (sight[words + 2] >> bit & 1) << 2 | (sight[words + 3] >> bit & 1) << 3;
    }

    /// <summary>Whether a number is neither NaN nor infinite, by its bits: no compiler takes that for granted.</summary>
    public static bool IsFinite(float value) => (Interop.FloatAsInt(value) & 0x7f800000u) != 0x7f800000u;

    /// <summary>The four numbers of a row from a column on that are not finite, and zero in place of those that are or do not exist.</summary>
    public static Float4 NonFinite<TElement>(TileRows<TElement> rows, int row, int column)
        where TElement : unmanaged, IElement<TElement>
        => new(
            NonFinite(TileRows<TElement>.Read(rows, row, column)),
            NonFinite(TileRows<TElement>.Read(rows, row, column + 1)),
            NonFinite(TileRows<TElement>.Read(rows, row, column + 2)),
            NonFinite(TileRows<TElement>.Read(rows, row, column + 3)));

    private static float NonFinite(float value) => IsFinite(value) ? 0f : value;
}
