using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// First stage of the gradient of a table of biases by distance: for each head the sum of dS over all pairs that are equally far apart, in parts, each of which
/// one group adds up in order over its share of the samples' queries, tile by tile, recomputing dS.
/// </summary>
/// <remarks>
/// A tile has fewer diagonals than the group has threads, and a distance is always added up by the same thread, whichever tile it is in: so nothing is added
/// atomically, and no thread waits for what another wrote to global memory.
/// </remarks>
internal struct FlashBackwardDistancePortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group; a power of two, and more than a tile's diagonals.</summary>
    public const int GroupSize = AttentionTiles.GroupSize;

    private const int Diagonals = AttentionTiles.TileRows + AttentionTiles.TileKeys - 1;

    public FlashBackwardViews<TElement> Tensors;
    public ArrayView<float> Sums; // [parts, heads, queries + keys − 1]: the pair of query i and key j counts at i − j + keys − 1
    public int Parts;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: one group per part and head.</summary>
    public static void Kernel(FlashBackwardDistancePortable<TElement> p)
    {
        ArrayView<Float4> staging = SharedMemory.Allocate<Float4>(AttentionTiles.StagingLength);
        ArrayView<Float4> products = SharedMemory.Allocate<Float4>(2 * AttentionTiles.ScoreLength);
        ArrayView<Float4> scores = products.SubView(0, AttentionTiles.ScoreLength), gradients = products.SubView(
            AttentionTiles.ScoreLength, AttentionTiles.ScoreLength);
        FlashBackwardViews<TElement> t = p.Tensors;
        int group = p.FirstGroup + Grid.IdxX, distances = t.Shape.Queries + t.Shape.Keys - 1;
        GroupPlace place = GroupPlace.Of(group, t.Shape.Heads);
        ArrayView<float> sums = p.Sums.SubView((long)group * distances, distances);
        for (int n = Group.IdxX; n < distances; n += GroupSize)
            sums[n] = 0f;

        int tiles = AttentionTiles.Panels(t.Shape.Queries, AttentionTiles.TileRows);
        long all = (long)t.Shape.Batch * tiles;
        int endTile = (int)(all * (place.Outer + 1) / p.Parts);
        for (int n = (int)(all * place.Outer / p.Parts); n < endTile; n++)
        {
            GroupPlace tile = GroupPlace.Of(n, tiles);
            AddQueries(t, staging, scores, products, gradients, sums, new TileIndex
            {
                Batch = tile.Outer, Head = place.Inner, Start = tile.Inner * AttentionTiles.TileRows,
            });
        }
    }

    /// <summary>What 32 queries of one sample add.</summary>
    private static void AddQueries(
        FlashBackwardViews<TElement> t,
        ArrayView<Float4> staging,
        ArrayView<Float4> scores,
        ArrayView<Float4> products,
        ArrayView<Float4> gradients,
        ArrayView<float> sums,
        TileIndex at)
    {
        FlashBackwardRow row = FlashBackwardRow.Of(t, at, at.Start);
        int first = AttentionRow.FirstKey(t.Shape, t.Rules, at.Start);
        int end = t.Rules.KeyEnd(t.Shape, IntrinsicMath.Min(at.Start + AttentionTiles.TileRows, t.Shape.Queries) - 1);
        int key = AttentionTiles.NextKey(-AttentionTiles.TileKeys, first, t.Rules.FreeColumns);
        while (key < end)
        {
            FlashBackwardRow.Products(t, staging, products, at, at.Start, key);
            FlashBackwardRow.ScoreGradients(t, scores, gradients, row, key);
            Group.Barrier();

            // The next tile's products pass a barrier before they overwrite these.
            AddDiagonal(gradients.Cast<float>(), sums, at.Start - key + t.Shape.Keys - AttentionTiles.TileKeys, t.Rules.FreeColumns - key);
            key = AttentionTiles.NextKey(key, first, t.Rules.FreeColumns);
        }
    }

    /// <summary>Adds up the thread's diagonal of a tile, if the tile has one for it.</summary>
    /// <param name="tile">[keys][queries], transposed as the tiles of scores are; zero where there is no such pair.</param>
    /// <param name="sums">Where they are added.</param>
    /// <param name="start">Where the sum of the tile's last key and first query is, the lowest of its diagonals; below zero if that key does not exist.</param>
    /// <param name="free">Before this key of the tile all are free.</param>
    private static void AddDiagonal(ArrayView<float> tile, ArrayView<float> sums, int start, int free)
    {
        // The diagonals' numbers are those of the threads, modulo the group's size.
        int diagonal = (Group.IdxX - start) & (GroupSize - 1), target = start + diagonal;
        if (diagonal < Diagonals && target >= 0 && target < sums.Length)
        {
            int row = IntrinsicMath.Max(0, diagonal - (AttentionTiles.TileKeys - 1)), key = row - diagonal + AttentionTiles.TileKeys - 1;
            float sum = 0f;
            while (row < AttentionTiles.TileRows && key < AttentionTiles.TileKeys)
            {
                sum += key >= free ? tile[key * AttentionTiles.RowStride * 4 + row] : 0f;
                row++;
                key++;
            }

            sums[target] += sum;
        }
    }
}

/// <summary>Second stage of that gradient: a group adds up, in a fixed order, the sums of the distances that read one entry, over all parts.</summary>
internal struct FoldDistancesPortable : IGridKernel
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<float> Sums;     // [parts, heads, queries + keys − 1]
    public ArrayView<float> Gradient; // [heads, span]
    public AttentionShape Shape;
    public AttentionRules Rules;
    public int Parts;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: one group per entry of the table.</summary>
    public static void Kernel(FoldDistancesPortable p)
    {
        int group = p.FirstGroup + Grid.IdxX, distances = p.Shape.Queries + p.Shape.Keys - 1;
        GroupPlace place = GroupPlace.Of(group, p.Rules.DistanceSpan);

        // The sum at n is of distance queries − 1 − n. The first entry has the farthest keys behind, the last those ahead.
        int at = p.Shape.Queries - 1 - (place.Inner - p.Rules.DistanceOrigin);
        int first = place.Inner == p.Rules.DistanceSpan - 1 ? 0 : IntrinsicMath.Max(0, at);
        int end = place.Inner == 0 ? distances : IntrinsicMath.Min(distances, at + 1);
        long count = IntrinsicMath.Max(0, end - first), total = count * p.Parts;
        float sum = 0f;
        for (long n = Group.IdxX; n < total; n += GroupSize)
        {
            long part = n / count;
            sum += p.Sums[(part * p.Shape.Heads + place.Outer) * distances + first + (n - part * count)];
        }

        sum = GroupReduce.Sum(sum);
        if (Group.IdxX == 0)
            p.Gradient[group] = sum;
    }
}
