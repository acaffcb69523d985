using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>One query as the passes by query see it: its rules and what forward and the first pass left behind for it.</summary>
internal struct FlashBackwardRow
{
    public AttentionRow Row;
    public RowNormalizer Normalizer;
    public float Delta;

    /// <summary>The query's number among those of all heads and batches.</summary>
    public long Number;

    /// <summary>The row that this thread works on, of the tile that starts at <paramref name="query"/>.</summary>
    public static FlashBackwardRow Of<TElement>(FlashBackwardViews<TElement> t, TileIndex at, int query)
        where TElement : unmanaged, IElement<TElement>
    {
        int i = query + AttentionTiles.SoftmaxRow;
        long offset = t.Shape.RowOffset(at.Batch, at.Head, IntrinsicMath.Min(i, t.Shape.Queries - 1));
        return new FlashBackwardRow
        {
            Row = AttentionRow.Of(t.Arrays, t.Shape, t.Rules, at.Batch, at.Head, i), Normalizer = t.Normalizer[offset], Delta = t.Delta[offset],
            Number = offset,
        };
    }

    /// <summary>
    /// scale · Q Kᵀ and dO Vᵀ for 32 queries and 64 keys, transposed, one after the other in shared memory. A loop, so that it is compiled once.
    /// </summary>
    public static void Products<TElement>(
        FlashBackwardViews<TElement> t, ArrayView<Float4> staging, ArrayView<Float4> products, TileIndex at, int query, int key)
        where TElement : unmanaged, IElement<TElement>
    {
        for (int which = 0; which < 2; which++)
        {
            TileRows<TElement> rows = FlashBackwardViews<TElement>.ByQuery(
                t, which, at.Batch, at.Head, query), columns = FlashBackwardViews<TElement>.ByKey(t, which, at.Batch, at.Head, key);
            float factor = which == 0 ? t.Rules.Scale : 1f;
            AttentionTiles.StoreTransposed(
                products.SubView(which * AttentionTiles.ScoreLength, AttentionTiles.ScoreLength), AttentionTiles.Products(staging, rows, factor, columns, 1f));
        }

        Group.Barrier();
    }

    /// <summary>Turns dO Vᵀ into dS, in place, for the thread's sixteen keys of its row.</summary>
    /// <returns>Which of them the row sees, as <see cref="TileSight.Set"/> takes it.</returns>
    public static int ScoreGradients<TElement>(
        FlashBackwardViews<TElement> t, ArrayView<Float4> scores, ArrayView<Float4> gradients, FlashBackwardRow row, int key)
        where TElement : unmanaged, IElement<TElement>
    {
        ArrayView<float> products = scores.Cast<float>(), tile = gradients.Cast<float>();
        if (t.Rules.Dropout.Threshold != 0)
            AttentionTiles.DropKeys(tile, t.Rules.Dropout, row.Number, key);
        int first = AttentionTiles.SoftmaxPart * AttentionTiles.SoftmaxKeys, at = AttentionTiles.SoftmaxStart, seen = 0;
        for (int n = 0; n < AttentionTiles.SoftmaxKeys; n++)
        {
            float score = AttentionRow.Score(t.Arrays, t.Rules, row.Row, products[at], key + first + n);
            float probability = RowNormalizer.Probability(row.Normalizer, score);
            tile[at] = FlashBackwardViews<TElement>.ScoreGradient(t.Rules, score, probability, tile[at], row.Delta);
            seen |= score <= AttentionRow.Hidden ? 0 : 1 << n;
            at += AttentionTiles.RowStride * 4;
        }

        return seen;
    }
}
