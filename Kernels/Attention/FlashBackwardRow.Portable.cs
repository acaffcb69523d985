using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>One query as the passes by query see it: its rules and what forward and the first pass left behind for it.</summary>
internal struct FlashBackwardRow
{
    public AttentionRow Row;
    public RowNormalizer Normalizer;
    public float Delta;

    /// <summary>The row that this thread works on, of the tile that starts at <paramref name="query"/>.</summary>
    public static FlashBackwardRow Of<TElement>(FlashBackwardViews<TElement> t, TileIndex at, int query)
        where TElement : unmanaged, IElement<TElement>
    {
        int i = query + AttentionTiles.SoftmaxRow;
        long offset = t.Shape.RowOffset(at.Batch, at.Head, IntrinsicMath.Min(i, t.Shape.Queries - 1));
        return new FlashBackwardRow { Row = AttentionRow.Of(t.Arrays, t.Shape, t.Rules, at.Batch, at.Head, i), Normalizer = t.Normalizer[offset], Delta = t.Delta[offset] };
    }

    /// <summary>Q Kᵀ and dO Vᵀ for 32 queries and 64 keys, transposed, in shared memory.</summary>
    public static void Products<TElement>(
        FlashBackwardViews<TElement> t, ArrayView<Float4> staging, ArrayView<Float4> scores, ArrayView<Float4> gradients, TileIndex at, int query, int key)
        where TElement : unmanaged, IElement<TElement>
    {
        AttentionTiles.StoreTransposed(scores, AttentionTiles.Products(
            staging, FlashBackwardViews<TElement>.QueryRows(t, at.Batch, at.Head, query), FlashBackwardViews<TElement>.KeyRows(t, at.Batch, at.Head, key)));
        AttentionTiles.StoreTransposed(gradients, AttentionTiles.Products(
            staging, FlashBackwardViews<TElement>.OutputGradientRows(t, at.Batch, at.Head, query), FlashBackwardViews<TElement>.ValueRows(t, at.Batch, at.Head, key)));
        Group.Barrier();
    }

    /// <summary>Turns dO Vᵀ into dS, in place, for the thread's sixteen keys of its row.</summary>
    public static void ScoreGradients<TElement, TMask, TScore>(
        FlashBackwardViews<TElement> t, ArrayView<Float4> scores, ArrayView<Float4> gradients, FlashBackwardRow row, int key)
        where TElement : unmanaged, IElement<TElement>
        where TMask : struct, IAttentionMask
        where TScore : struct, IAttentionScore
    {
        ArrayView<float> products = scores.Cast<float>(), tile = gradients.Cast<float>();
        int first = AttentionTiles.SoftmaxPart * AttentionTiles.SoftmaxKeys, at = AttentionTiles.SoftmaxStart;
        for (int n = 0; n < AttentionTiles.SoftmaxKeys; n++)
        {
            float score = AttentionRow.Score<TMask, TScore>(t.Arrays, t.Rules, row.Row, products[at], key + first + n);
            float probability = RowNormalizer.Probability(row.Normalizer, score);
            tile[at] = FlashBackwardViews<TElement>.ScoreGradient<TScore>(t.Rules, score, probability, tile[at], row.Delta);
            at += AttentionTiles.RowStride * 4;
        }
    }
}
