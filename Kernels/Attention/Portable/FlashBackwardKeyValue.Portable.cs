using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// dK = scale · dSᵀ Q and dV = Pᵀ dO: a group owns 32 keys of one key/value head and walks over the queries of every head that reads it, 64 at a time. The sums
/// are the group's alone, in a fixed order, so the same bits result every time.
/// </summary>
/// <remarks>The tiles are the forward's with keys and queries exchanged: keys are the rows, so a thread's softmax row is a key.</remarks>
internal struct FlashBackwardKeyValuePortable<TElement, TOutput> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TOutput : unmanaged, IOutputTile<TOutput>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = AttentionTiles.GroupSize;

    public FlashBackwardViews<TElement> Tensors;
    public ArrayView<TElement> KeyGradient;   // as the key
    public ArrayView<TElement> ValueGradient; // as the value

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: one group per tile of keys, key/value head and batch, times panels of columns, as in the forward.</summary>
    public static void Kernel(FlashBackwardKeyValuePortable<TElement, TOutput> p)
    {
        ArrayView<Float4> staging = SharedMemory.Allocate<Float4>(AttentionTiles.StagingLength);
        ArrayView<Float4> products = SharedMemory.Allocate<Float4>(2 * AttentionTiles.ScoreLength);
        ArrayView<Float4> scores = products.SubView(0, AttentionTiles.ScoreLength), gradients = products.SubView(
            AttentionTiles.ScoreLength, AttentionTiles.ScoreLength);
        ArrayView<int> sight = SharedMemory.Allocate<int>(TileSight.Length);
        FlashBackwardViews<TElement> t = p.Tensors;
        int panels = AttentionTiles.Panels(IntrinsicMath.Max(t.Shape.HeadDim, t.Shape.ValueDim), TOutput.Columns);
        TileIndex at = TileIndex.Of(p.FirstGroup + Grid.IdxX, t.Shape.KeyValueHeads, AttentionTiles.TileRows, t.Shape.Keys, panels);
        int firstQuery = FirstQuery(t.Shape, t.Rules, at.Start), endQuery = EndQuery(t.Shape, t.Rules, at.Start);

        TOutput keyGradient = default, valueGradient = default;
        int panel = at.Panel * TOutput.Columns;
        for (int head = 0; head < t.Shape.Heads; head++)
        {
            // A head that reads other keys has no queries here.
            int end = t.Shape.KeyValueHead(head) == at.Head ? endQuery : 0;
            for (int query = firstQuery; query < end; query += AttentionTiles.TileKeys)
            {
                int terms = IntrinsicMath.Min(AttentionTiles.TileKeys, end - query);
                Products(t, staging, products, at, head, query);
                TileSight.Set(sight, Gradients(t, scores, gradients, at, head, query));
                Group.Barrier();
                for (int which = 0; which < 2; which++)
                {
                    // The sums take turns, so that the product is compiled once: first Pᵀ dO is added to one, then dSᵀ Q to the other.
                    TileRows<TElement> values = TileRows<TElement>.From(FlashBackwardViews<TElement>.ByQuery(t, 1 - which, at.Batch, head, query), panel);
                    ArrayView<Float4> weights = products.SubView(which * AttentionTiles.ScoreLength, AttentionTiles.ScoreLength);
                    TOutput sum = AttentionTiles.AddWeighted(valueGradient, staging, sight, weights, terms, values);
                    valueGradient = keyGradient;
                    keyGradient = sum;
                }
            }
        }

        float scale = t.Rules.Scale;
        TOutput.Store(TOutput.ScaleRows(keyGradient, new Float4(scale, scale, scale, scale)), TileStore<TElement>.From(KeyTarget(p, at), panel), 0);
        TOutput.Store(valueGradient, TileStore<TElement>.From(ValueTarget(p, at), panel), 0);
    }

    /// <summary>scale · K Qᵀ and V dOᵀ for 32 keys and 64 queries, transposed, one after the other in shared memory.</summary>
    private static void Products(FlashBackwardViews<TElement> t, ArrayView<Float4> staging, ArrayView<Float4> products, TileIndex at, int head, int query)
    {
        for (int which = 0; which < 2; which++)
        {
            TileRows<TElement> rows = FlashBackwardViews<TElement>.ByKey(
                t, which, at.Batch, head, at.Start), columns = FlashBackwardViews<TElement>.ByQuery(t, which, at.Batch, head, query);
            float factor = which == 0 ? t.Rules.Scale : 1f;
            AttentionTiles.StoreTransposed(
                products.SubView(which * AttentionTiles.ScoreLength, AttentionTiles.ScoreLength), AttentionTiles.Products(staging, rows, 1f, columns, factor));
        }

        Group.Barrier();
    }

    /// <summary>Turns the products into P and dS, in place, for the thread's key and sixteen of the queries, which its whole warp shares.</summary>
    /// <returns>Which of them see the key, as <see cref="TileSight.Set"/> takes it.</returns>
    private static int Gradients(FlashBackwardViews<TElement> t, ArrayView<Float4> scores, ArrayView<Float4> gradients, TileIndex at, int head, int query)
    {
        ArrayView<float> probabilities = scores.Cast<float>(), tile = gradients.Cast<float>();
        int key = at.Start + AttentionTiles.SoftmaxRow, first = query
            + AttentionTiles.SoftmaxPart * AttentionTiles.SoftmaxKeys, cell = AttentionTiles.SoftmaxStart, seen = 0;
        for (int n = 0; n < AttentionTiles.SoftmaxKeys; n++)
        {
            AttentionRow row = AttentionRow.Of(t.Arrays, t.Shape, t.Rules, at.Batch, head, first + n);
            long offset = t.Shape.RowOffset(at.Batch, head, IntrinsicMath.Min(first + n, t.Shape.Queries - 1));
            float score = AttentionRow.Score(t.Arrays, t.Rules, row, probabilities[cell], key);
            float probability = RowNormalizer.Probability(t.Normalizer[offset], score);
            float kept = t.Rules.Dropout.Threshold == 0 ? 1f : AttentionDropout.Factor(t.Rules.Dropout, offset, key);
            tile[cell] = FlashBackwardViews<TElement>.ScoreGradient(t.Rules, score, probability, kept * tile[cell], t.Delta[offset]);
            probabilities[cell] = kept * probability;
            seen |= score <= AttentionRow.Hidden ? 0 : 1 << n;
            cell += AttentionTiles.RowStride * 4;
        }

        return seen;
    }

    /// <summary>The first query that sees any of the tile's keys: under causality, the one that sees the first key.</summary>
    private static int FirstQuery(AttentionShape shape, AttentionRules rules, int key)
        => rules.Causal == 0 || key < rules.FreeColumns
            ? 0
            : IntrinsicMath.Max(0, key - rules.CausalOffset) / AttentionTiles.TileKeys * AttentionTiles.TileKeys;

    /// <summary>One past the last query that sees any of the tile's keys: with a window, the one that still sees the last key.</summary>
    private static int EndQuery(AttentionShape shape, AttentionRules rules, int key)
    {
        int last = key + AttentionTiles.TileRows - 1 + rules.Window - (shape.Keys - shape.Queries);
        return rules.Window < 0 || key < rules.FreeColumns ? shape.Queries : IntrinsicMath.Min(shape.Queries, last + 1);
    }

    private static TileStore<TElement> KeyTarget(FlashBackwardKeyValuePortable<TElement, TOutput> p, TileIndex at)
    {
        AttentionShape shape = p.Tensors.Shape;
        return new TileStore<TElement>
        {
            Target = p.KeyGradient,
            Start = at.Batch * shape.KeyBatchStride + at.Head * shape.KeyHeadStride + at.Start * shape.KeyRowStride,
            RowStride = shape.KeyRowStride,
            Rows = shape.Keys - at.Start,
            Columns = shape.HeadDim,
        };
    }

    private static TileStore<TElement> ValueTarget(FlashBackwardKeyValuePortable<TElement, TOutput> p, TileIndex at)
    {
        AttentionShape shape = p.Tensors.Shape;
        return new TileStore<TElement>
        {
            Target = p.ValueGradient,
            Start = at.Batch * shape.ValueBatchStride + at.Head * shape.ValueHeadStride + at.Start * shape.ValueRowStride,
            RowStride = shape.ValueRowStride,
            Rows = shape.Keys - at.Start,
            Columns = shape.ValueDim,
        };
    }
}
