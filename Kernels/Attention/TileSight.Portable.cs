using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Which pairs of a tile of scores see each other, one bit each, in shared memory: the products that weigh rows by scores must leave out what is hidden and not finite, for zero times NaN is
/// NaN. Panels of rows are cleaned while they are copied to shared memory; what was taken out is added afterwards, row by row, to those who see it.
/// </summary>
internal static class TileSight
{
    /// <summary>Integers in shared memory: a word per thread and a flag.</summary>
    public const int Length = AttentionTiles.GroupSize + 1;

    // Not zero once a panel of this group has held a number that is not finite. It stays set, which costs time and is right.
    private const int Found = AttentionTiles.GroupSize;

    /// <summary>Nothing has been found yet. A barrier must follow before the first panel.</summary>
    public static void Clear(ArrayView<int> sight)
    {
        if (Group.IdxX == 0)
            sight[Found] = 0;
    }

    /// <summary>Stores which of its sixteen keys the thread's softmax row sees, a bit for each. A barrier must follow before they are read.</summary>
    public static void Set(ArrayView<int> sight, int seen) => sight[Group.IdxX] = seen;

    /// <summary>Tells the group, after its next barrier, that a panel was cleaned.</summary>
    public static void SetFound(ArrayView<int> sight) => sight[Found] = 1;

    /// <summary>Whether a panel was cleaned.</summary>
    public static bool HasFound(ArrayView<int> sight) => sight[Found] != 0;

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
