using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// dBias = dS, summed over the axes along which the bias was broadcast: a group owns 32 queries × 64 keys of the bias (or 64 keys for every query) and sums over the
/// batches, heads and queries that read it, in a fixed order.
/// </summary>
internal struct FlashBackwardBiasPortable<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public FlashBackwardViews<TElement> Tensors;
    public ArrayView<float> BiasGradient; // [batch|1, heads|1, queries|1, keys − freeColumns], as the bias

    /// <summary>Sizes of the bias itself; 1 where it is broadcast.</summary>
    public int BiasBatches;
    public int BiasHeads;
    public int BiasQueries;

    /// <summary>Grid: x: tiles of queries, head and batch of the bias; y: tiles of keys.</summary>
    public static void Kernel(FlashBackwardBiasPortable<TElement> p)
    {
        ArrayView<Float4> staging = SharedMemory.Allocate<Float4>(AttentionTiles.StagingLength);
        ArrayView<Float4> products = SharedMemory.Allocate<Float4>(2 * AttentionTiles.ScoreLength);
        ArrayView<Float4> scores = products.SubView(0, AttentionTiles.ScoreLength), gradients = products.SubView(AttentionTiles.ScoreLength, AttentionTiles.ScoreLength);
        ArrayView<float> sums = SharedMemory.Allocate<float>(AttentionTiles.ScoreLength * 4);
        FlashBackwardViews<TElement> t = p.Tensors;
        TileIndex bias = TileIndex.Of(p.BiasHeads, AttentionTiles.TileRows, p.BiasQueries);
        int key = Grid.IdxY * AttentionTiles.TileKeys;
        int endBatch = p.BiasBatches == 1 ? t.Shape.Batch : bias.Batch + 1, endHead = p.BiasHeads == 1 ? t.Shape.Heads : bias.Head + 1;
        int endQuery = p.BiasQueries == 1 ? t.Shape.Queries : bias.Start + 1;

        Clear(sums);
        for (int batch = bias.Batch; batch < endBatch; batch++)
        {
            for (int head = bias.Head; head < endHead; head++)
            {
                for (int query = bias.Start; query < endQuery; query += AttentionTiles.TileRows)
                {
                    var at = new TileIndex { Batch = batch, Head = head, Start = query };
                    FlashBackwardRow.Products(t, staging, products, at, query, key);
                    FlashBackwardRow.ScoreGradients(t, scores, gradients, FlashBackwardRow.Of(t, at, query), key);
                    Add(sums, gradients.Cast<float>());
                }
            }
        }

        Group.Barrier();
        if (p.BiasQueries == 1)
            StoreColumnSums(p, sums, bias, key);
        else
            StoreRows(p, sums, bias, key);
    }

    // A thread clears, adds and later overwrites the sixteen cells of its softmax row: no barrier is needed in between.
    private static void Clear(ArrayView<float> sums)
    {
        int cell = AttentionTiles.SoftmaxStart;
        for (int n = 0; n < AttentionTiles.SoftmaxKeys; n++)
            sums[cell + n * AttentionTiles.RowStride * 4] = 0f;
    }

    private static void Add(ArrayView<float> sums, ArrayView<float> gradients)
    {
        int cell = AttentionTiles.SoftmaxStart;
        for (int n = 0; n < AttentionTiles.SoftmaxKeys; n++)
        {
            sums[cell] += gradients[cell];
            cell += AttentionTiles.RowStride * 4;
        }
    }

    private static void StoreRows(FlashBackwardBiasPortable<TElement> p, ArrayView<float> sums, TileIndex bias, int key)
    {
        int columns = p.Tensors.Shape.Keys - p.Tensors.Rules.FreeColumns;
        for (int i = Group.IdxX; i < AttentionTiles.TileRows * AttentionTiles.TileKeys; i += AttentionTiles.GroupSize)
        {
            int row = i / AttentionTiles.TileKeys, n = i % AttentionTiles.TileKeys, column = key + n - p.Tensors.Rules.FreeColumns;
            if (bias.Start + row < p.BiasQueries && column >= 0 && column < columns)
                p.BiasGradient[Offset(p, bias, bias.Start + row) + column] = sums[n * AttentionTiles.RowStride * 4 + row];
        }
    }

    private static void StoreColumnSums(FlashBackwardBiasPortable<TElement> p, ArrayView<float> sums, TileIndex bias, int key)
    {
        int columns = p.Tensors.Shape.Keys - p.Tensors.Rules.FreeColumns, column = key + Group.IdxX - p.Tensors.Rules.FreeColumns;
        if (Group.IdxX < AttentionTiles.TileKeys && column >= 0 && column < columns)
        {
            float sum = 0f;
            for (int row = 0; row < AttentionTiles.TileRows; row++)
                sum += sums[Group.IdxX * AttentionTiles.RowStride * 4 + row];
            p.BiasGradient[Offset(p, bias, 0) + column] = sum;
        }
    }

    private static long Offset(FlashBackwardBiasPortable<TElement> p, TileIndex bias, int query)
        => (((long)bias.Batch * p.BiasHeads + bias.Head) * p.BiasQueries + query) * (p.Tensors.Shape.Keys - p.Tensors.Rules.FreeColumns);
}
