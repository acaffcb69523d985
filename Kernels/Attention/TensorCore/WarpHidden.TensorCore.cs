using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// What keeps numbers that are not finite from those who do not see them, on tensor cores, where zero times NaN is NaN as anywhere: in tiles that hide
/// something the values are cleaned in shared memory, and what was taken out is added to the rows that see it. Tiles in which everybody sees everything pay
/// nothing.
/// </summary>
internal static class WarpHidden
{
    // Both numbers of a word: the exponent, whose ones mean NaN or infinity.
    private const uint LowExponent = 0x7f80, HighExponent = 0x7f800000;

    /// <summary>Whether a tile may hide a key from a query: masks and biases always may, the range may at its ends. The same for the whole group.</summary>
    public static bool MayHide<TMask>(AttentionArrays arrays, AttentionShape shape, AttentionRules rules, int firstQuery, int queries, int key)
        where TMask : struct, IAttentionMask
    {
        int lastQuery = IntrinsicMath.Min(firstQuery + queries, shape.Queries) - 1;
        return TMask.MayHide || arrays.Bias.Length > 0 || key + AttentionTiles.TileKeys > rules.KeyEnd(shape, firstQuery)
            || key < AttentionRow.FirstKey(shape, rules, lastQuery);
    }

    /// <summary>
    /// Puts zeros in place of what is not finite in 64 rows that begin at a word of shared memory; sets <paramref name="found"/> where it was so. A barrier
    /// must follow.
    /// </summary>
    public static void Clean(ArrayView<uint> shared, int start, ArrayView<int> found)
    {
        for (int i = Group.IdxX; i < SharedTile.Bytes / sizeof(uint); i += AttentionTiles.GroupSize)
        {
            uint word = shared[start + i], low = (word & LowExponent) == LowExponent ? 0u : word & 0xffffu;
            uint high = (word & HighExponent) == HighExponent ? 0u : word & 0xffff0000u;
            if ((low | high) != word)
            {
                shared[start + i] = low | high;
                Atomic.Or(ref found[0], 1);
            }
        }
    }

    /// <summary>
    /// Adds a row of values, as far as it is not finite, to those of the lane's two rows that see it. Their weights are left out: NaN and infinity stay what
    /// they are under any of them that is not zero, and where one was rounded to zero infinity stands for NaN.
    /// </summary>
    public static WarpTile AddSeen(WarpTile t, TileRows<BFloat16> values, int row, bool upper, bool lower)
    {
        int column = Group.IdxX % 4 * 2;
        return new WarpTile
        {
            N0 = AddSeen(t.N0, TileSight.NonFinite(values, row, column), upper, lower),
            N1 = AddSeen(t.N1, TileSight.NonFinite(values, row, column + 8), upper, lower),
            N2 = AddSeen(t.N2, TileSight.NonFinite(values, row, column + 16), upper, lower),
            N3 = AddSeen(t.N3, TileSight.NonFinite(values, row, column + 24), upper, lower),
            N4 = AddSeen(t.N4, TileSight.NonFinite(values, row, column + 32), upper, lower),
            N5 = AddSeen(t.N5, TileSight.NonFinite(values, row, column + 40), upper, lower),
            N6 = AddSeen(t.N6, TileSight.NonFinite(values, row, column + 48), upper, lower),
            N7 = AddSeen(t.N7, TileSight.NonFinite(values, row, column + 56), upper, lower),
        };
    }

    // The lane has two columns of each row; the other two numbers read are its neighbour's.
    private static Float4 AddSeen(Float4 sum, Float4 values, bool upper, bool lower) => new(
        upper ? sum.X + values.X : sum.X, upper ? sum.Y + values.Y : sum.Y, lower ? sum.Z + values.X : sum.Z, lower ? sum.W + values.Y : sum.W);
}
