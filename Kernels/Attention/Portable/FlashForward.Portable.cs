using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Flash attention: a group owns <see cref="AttentionTiles.TileRows"/> queries of one head and walks over the keys,
/// <see cref="AttentionTiles.TileKeys"/> at a time, with an online softmax. Scores exist for one tile only, in shared memory.
/// </summary>
/// <remarks>
/// The 128 threads are used in two ways. For both products they form a grid of 8 × 16, each with a 4 × 4 share of scores in registers and four rows of the
/// output. For the softmax between them, thread t owns sixteen keys of row t % 32: a row's maximum is then four numbers to exchange.
/// Dao et al. 2022; Milakov, Gimelshein 2018.
/// </remarks>
internal struct FlashForwardPortable<TElement, TOutput> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TOutput : unmanaged, IOutputTile<TOutput>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = AttentionTiles.GroupSize;

    public ArrayView<TElement> Query;  // strided [batch, heads, queries, headDim]
    public ArrayView<TElement> Key;    // strided [batch, keyValueHeads, keys, headDim]
    public ArrayView<TElement> Value;  // strided [batch, keyValueHeads, keys, valueDim]
    public ArrayView<TElement> Output; // strided [batch, heads, queries, valueDim]
    public ArrayView<float> LogSumExp; // [batch, heads, queries] or empty
    public ArrayView<RowNormalizer> Normalizer; // [batch, heads, queries] or empty
    public AttentionArrays Arrays;
    public AttentionShape Shape;
    public AttentionRules Rules;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>
    /// Grid: one group per tile of queries, head and batch, the tiles of one head being neighbours so that they share its keys in the cache; times panels of
    /// output columns, of which a head wider than the tile has several, each computing the scores for itself.
    /// </summary>
    public static void Kernel(FlashForwardPortable<TElement, TOutput> p)
    {
        ArrayView<Float4> staging = SharedMemory.Allocate<Float4>(AttentionTiles.StagingLength);
        ArrayView<Float4> scores = SharedMemory.Allocate<Float4>(AttentionTiles.ScoreLength);
        ArrayView<Float4> factors = SharedMemory.Allocate<Float4>(AttentionTiles.TileRows / 4);
        ArrayView<float> partials = SharedMemory.Allocate<float>(AttentionTiles.GroupSize);
        ArrayView<int> sight = SharedMemory.Allocate<int>(TileSight.Length);
        TileIndex at = TileIndex.Of(
            p.FirstGroup + Grid.IdxX, p.Shape.Heads, AttentionTiles.TileRows, p.Shape.Queries, AttentionTiles.Panels(p.Shape.ValueDim, TOutput.Columns));
        AttentionRow row = AttentionRow.Of(p.Arrays, p.Shape, p.Rules, at.Batch, at.Head, at.Start + AttentionTiles.SoftmaxRow);
        int first = AttentionRow.FirstKey(p.Shape, p.Rules, at.Start);
        int end = p.Rules.KeyEnd(p.Shape, IntrinsicMath.Min(at.Start + AttentionTiles.TileRows, p.Shape.Queries) - 1);

        TOutput output = default;
        int panel = at.Panel * TOutput.Columns;
        float largest = AttentionRules.LowestScore, sum = 0f;
        int key = AttentionTiles.NextKey(-AttentionTiles.TileKeys, first, p.Rules.FreeColumns);
        while (key < end)
        {
            AttentionTiles.StoreTransposed(scores, AttentionTiles.Products(staging, QueryRows(p, at), p.Rules.Scale, KeyRows(p, at, key), 1f));
            Group.Barrier();
            float tileLargest = AttentionTiles.RowMaximum(partials, Score(p, scores, sight, row, key, largest));
            float correction = AttentionRow.Correction(largest, tileLargest);
            sum = sum * correction + Exponentiate(scores, tileLargest);
            largest = tileLargest;
            if (p.Rules.Dropout.Threshold != 0)
                AttentionTiles.DropKeys(scores.Cast<float>(), p.Rules.Dropout, p.Shape.RowOffset(at.Batch, at.Head, at.Start + AttentionTiles.SoftmaxRow), key);
            SetFactor(factors, correction);
            Group.Barrier();
            output = TOutput.ScaleRows(output, factors[AttentionTiles.ProductRow]);
            output = AttentionTiles.AddWeighted(
                output, staging, sight, scores, IntrinsicMath.Min(AttentionTiles.TileKeys, end - key), TileRows<TElement>.From(ValueRows(p, at, key), panel));
            key = AttentionTiles.NextKey(key, first, p.Rules.FreeColumns);
        }

        sum = AttentionTiles.RowSum(partials, sum);
        RowNormalizer normalizer = RowNormalizer.Of(largest, sum);
        SetFactor(factors, normalizer.Reciprocal);
        Group.Barrier();
        TOutput.Store(TOutput.ScaleRows(output, factors[AttentionTiles.ProductRow]), TileStore<TElement>.From(OutputRows(p, at), panel), 0);
        if (at.Panel == 0 && AttentionTiles.SoftmaxPart == 0)
            RowNormalizer.Store(normalizer, sum, p.Normalizer, p.LogSumExp, p.Shape, at, at.Start + AttentionTiles.SoftmaxRow);
    }

    /// <summary>
    /// Turns the thread's sixteen products into scores, in place, notes which are seen, and returns their maximum, or <paramref name="largest"/> if that is
    /// larger.
    /// </summary>
    private static float Score(
        FlashForwardPortable<TElement, TOutput> p, ArrayView<Float4> scores, ArrayView<int> sight, AttentionRow row, int key, float largest)
    {
        ArrayView<float> tile = scores.Cast<float>();
        int first = AttentionTiles.SoftmaxPart * AttentionTiles.SoftmaxKeys, at = AttentionTiles.SoftmaxStart, seen = 0;
        for (int n = 0; n < AttentionTiles.SoftmaxKeys; n++)
        {
            float score = AttentionRow.Score(p.Arrays, p.Rules, row, tile[at], key + first + n);
            tile[at] = score;
            seen |= score <= AttentionRow.Hidden ? 0 : 1 << n;
            largest = IntrinsicMath.Max(largest, score);
            at += AttentionTiles.RowStride * 4;
        }

        TileSight.Set(sight, seen);
        return largest;
    }

    /// <summary>Turns the thread's scores into e^(score − largest), zero where the key is hidden, and returns their sum.</summary>
    private static float Exponentiate(ArrayView<Float4> scores, float largest)
    {
        ArrayView<float> tile = scores.Cast<float>();
        int at = AttentionTiles.SoftmaxStart;
        float sum = 0f;
        for (int n = 0; n < AttentionTiles.SoftmaxKeys; n++)
        {
            float weight = AttentionRow.Weight(tile[at], largest);
            tile[at] = weight;
            sum += weight;
            at += AttentionTiles.RowStride * 4;
        }

        return sum;
    }

    /// <summary>Gives the softmax row's factor to the threads that hold the row's output.</summary>
    private static void SetFactor(ArrayView<Float4> factors, float factor)
    {
        if (AttentionTiles.SoftmaxPart == 0)
            factors.Cast<float>()[AttentionTiles.SoftmaxRow] = factor;
    }

    private static TileRows<TElement> QueryRows(FlashForwardPortable<TElement, TOutput> p, TileIndex at) => new()
    {
        Source = p.Query,
        Start = p.Shape.QueryOffset(at.Batch, at.Head, at.Start),
        RowStride = p.Shape.QueryRowStride,
        Rows = p.Shape.Queries - at.Start,
        Columns = p.Shape.HeadDim,
    };

    private static TileRows<TElement> KeyRows(FlashForwardPortable<TElement, TOutput> p, TileIndex at, int key) => new()
    {
        Source = p.Key,
        Start = p.Shape.KeyOffset(at.Batch, at.Head, key),
        RowStride = p.Shape.KeyRowStride,
        Rows = p.Shape.Keys - key,
        Columns = p.Shape.HeadDim,
    };

    private static TileRows<TElement> ValueRows(FlashForwardPortable<TElement, TOutput> p, TileIndex at, int key) => new()
    {
        Source = p.Value,
        Start = p.Shape.ValueOffset(at.Batch, at.Head, key),
        RowStride = p.Shape.ValueRowStride,
        Rows = p.Shape.Keys - key,
        Columns = p.Shape.ValueDim,
    };

    private static TileStore<TElement> OutputRows(FlashForwardPortable<TElement, TOutput> p, TileIndex at) => new()
    {
        Target = p.Output,
        Start = p.Shape.OutputOffset(at.Batch, at.Head, at.Start),
        RowStride = p.Shape.OutputRowStride,
        Rows = p.Shape.Queries - at.Start,
        Columns = p.Shape.ValueDim,
    };
}
