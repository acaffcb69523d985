using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// dQ = scale · dS K: as the forward, a group owns 32 queries of one head and walks over the keys; dS exists for one tile only, in shared memory.
/// </summary>
internal struct FlashBackwardQueryPortable<TElement, TOutput> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TOutput : unmanaged, IOutputTile<TOutput>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = AttentionTiles.GroupSize;

    public FlashBackwardViews<TElement> Tensors;
    public ArrayView<TElement> QueryGradient; // as the query

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: one group per tile of queries, head and batch, times panels of columns, as in the forward.</summary>
    public static void Kernel(FlashBackwardQueryPortable<TElement, TOutput> p)
    {
        ArrayView<Float4> staging = SharedMemory.Allocate<Float4>(AttentionTiles.StagingLength);
        ArrayView<Float4> products = SharedMemory.Allocate<Float4>(2 * AttentionTiles.ScoreLength);
        ArrayView<Float4> scores = products.SubView(0, AttentionTiles.ScoreLength), gradients = products.SubView(
            AttentionTiles.ScoreLength, AttentionTiles.ScoreLength);
        ArrayView<int> sight = SharedMemory.Allocate<int>(TileSight.Length);
        FlashBackwardViews<TElement> t = p.Tensors;
        TileIndex at = TileIndex.Of(
            p.FirstGroup + Grid.IdxX, t.Shape.Heads, AttentionTiles.TileRows, t.Shape.Queries, AttentionTiles.Panels(t.Shape.HeadDim, TOutput.Columns));
        FlashBackwardRow row = FlashBackwardRow.Of(t, at, at.Start);
        int first = AttentionRow.FirstKey(t.Shape, t.Rules, at.Start);
        int end = t.Rules.KeyEnd(t.Shape, IntrinsicMath.Min(at.Start + AttentionTiles.TileRows, t.Shape.Queries) - 1);

        TOutput output = default;
        int panel = at.Panel * TOutput.Columns;
        int key = AttentionTiles.NextKey(-AttentionTiles.TileKeys, first, t.Rules.FreeColumns);
        while (key < end)
        {
            FlashBackwardRow.Products(t, staging, products, at, at.Start, key);
            TileSight.Set(sight, FlashBackwardRow.ScoreGradients(t, scores, gradients, row, key));
            Group.Barrier();
            output = AttentionTiles.AddWeighted(
                output,
                staging,
                sight,
                gradients,
                IntrinsicMath.Min(AttentionTiles.TileKeys, end - key),
                TileRows<TElement>.From(FlashBackwardViews<TElement>.ByKey(t, 0, at.Batch, at.Head, key), panel));
            key = AttentionTiles.NextKey(key, first, t.Rules.FreeColumns);
        }

        float scale = t.Rules.Scale;
        TOutput.Store(TOutput.ScaleRows(output, new Float4(scale, scale, scale, scale)), TileStore<TElement>.From(Target(p, at), panel), 0);
    }

    private static TileStore<TElement> Target(FlashBackwardQueryPortable<TElement, TOutput> p, TileIndex at) => new()
    {
        Target = p.QueryGradient,
        Start = p.Tensors.Shape.QueryOffset(at.Batch, at.Head, at.Start),
        RowStride = p.Tensors.Shape.QueryRowStride,
        Rows = p.Tensors.Shape.Queries - at.Start,
        Columns = p.Tensors.Shape.HeadDim,
    };
}
