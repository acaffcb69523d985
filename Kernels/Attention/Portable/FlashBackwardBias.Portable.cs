using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// dBias = dS, summed over the axes along which the bias was broadcast: a group owns 32 queries × 64 keys of the bias (or 64 keys for every query) and sums
/// over the batches, heads and queries that read it, in a fixed order.
/// </summary>
internal struct FlashBackwardBiasPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = AttentionTiles.GroupSize;

    public FlashBackwardViews<TElement> Tensors;
    public ArrayView<float> BiasGradient; // [batch|1, heads|1, queries|1, keys − freeColumns], as the bias

    /// <summary>Sizes of the bias itself; 1 where it is broadcast.</summary>
    public int BiasBatches;
    public int BiasHeads;
    public int BiasQueries;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: tiles of queries, head and batch of the bias, times tiles of keys.</summary>
    public static void Kernel(FlashBackwardBiasPortable<TElement> p)
    {
        ArrayView<Float4> staging = SharedMemory.Allocate<Float4>(AttentionTiles.StagingLength);
        ArrayView<Float4> products = SharedMemory.Allocate<Float4>(2 * AttentionTiles.ScoreLength);
        ArrayView<Float4> scores = products.SubView(0, AttentionTiles.ScoreLength), gradients = products.SubView(
            AttentionTiles.ScoreLength, AttentionTiles.ScoreLength);
        FlashBackwardViews<TElement> t = p.Tensors;
        TileIndex bias = TileIndex.Of(
            p.FirstGroup + Grid.IdxX, p.BiasHeads, AttentionTiles.TileRows, p.BiasQueries, AttentionTiles.Panels(t.Shape.Keys, AttentionTiles.TileKeys));
        int key = bias.Panel * AttentionTiles.TileKeys;
        int endBatch = p.BiasBatches == 1 ? t.Shape.Batch : bias.Batch + 1, endHead = p.BiasHeads == 1 ? t.Shape.Heads : bias.Head + 1;
        int endQuery = p.BiasQueries == 1 ? t.Shape.Queries : bias.Start + 1;

        // In registers: a third tile of shared memory would be more than the 32 KiB that many an OpenCL device has.
        Tile4x4 sums = default;
        for (int batch = bias.Batch; batch < endBatch; batch++)
        {
            for (int head = bias.Head; head < endHead; head++)
            {
                for (int query = bias.Start; query < endQuery; query += AttentionTiles.TileRows)
                {
                    var at = new TileIndex { Batch = batch, Head = head, Start = query };
                    FlashBackwardRow.Products(t, staging, products, at, query, key);
                    FlashBackwardRow.ScoreGradients(t, scores, gradients, FlashBackwardRow.Of(t, at, query), key);
                    sums = Add(sums, gradients.Cast<float>());
                }
            }
        }

        Put(gradients.Cast<float>(), sums);
        Group.Barrier();
        if (p.BiasQueries == 1)
            StoreColumnSums(p, gradients.Cast<float>(), bias, key);
        else
            StoreRows(p, gradients.Cast<float>(), bias, key);
    }

    // A thread writes, adds and later overwrites the sixteen cells of its softmax row, key by key: no barrier is needed in between.
    private static Tile4x4 Add(Tile4x4 sums, ArrayView<float> gradients) => new()
    {
        Row0 = Add(sums.Row0, gradients, 0),
        Row1 = Add(sums.Row1, gradients, 4),
        Row2 = Add(sums.Row2, gradients, 8),
        Row3 = Add(sums.Row3, gradients, 12),
    };

    private static Float4 Add(Float4 sums, ArrayView<float> gradients, int key)
        => new(sums.X + gradients[Cell(key)], sums.Y + gradients[Cell(key + 1)], sums.Z + gradients[Cell(key + 2)], sums.W + gradients[Cell(key + 3)]);

    private static void Put(ArrayView<float> target, Tile4x4 sums)
    {
        Put(target, sums.Row0, 0);
        Put(target, sums.Row1, 4);
        Put(target, sums.Row2, 8);
        Put(target, sums.Row3, 12);
    }

    private static void Put(ArrayView<float> target, Float4 sums, int key)
    {
        target[Cell(key)] = sums.X;
        target[Cell(key + 1)] = sums.Y;
        target[Cell(key + 2)] = sums.Z;
        target[Cell(key + 3)] = sums.W;
    }

    private static int Cell(int key) => AttentionTiles.SoftmaxStart + key * AttentionTiles.RowStride * 4;

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
