using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Flash attention on tensor cores, for bfloat16 heads of width 64: a group of four warps owns 64 queries of one head, 16 to a warp, and walks over the keys 64
/// at a time. Scores, weights and output live in registers; keys and values are copied to shared memory while the tile before is computed.
/// </summary>
/// <remarks>
/// The accumulator layout of q kᵀ is the operand layout of weights · values, so weights never leave the registers. A row's scores are spread over four lanes,
/// which exchange its maximum and sum. Rules (masks, biases, causality) are those of the Portable kernel. Dao 2023 (FlashAttention-2).
/// </remarks>
internal struct AttentionTensorCore<TMask, TScore> : IGridKernel
    where TMask : struct, IAttentionMask
    where TScore : struct, IAttentionScore
{
    /// <summary>Width of a head, of queries and of values.</summary>
    public const int HeadDim = SharedTile.Rows;

    /// <summary>Queries of a group.</summary>
    public const int TileRows = 64;

    /// <summary>Threads per group.</summary>
    public const int GroupSize = AttentionTiles.GroupSize;

    private const int WarpRows = 16;

    // Keys and values of two tiles, and room to begin at a multiple of 16 bytes: ILGPU promises four.
    private const int SharedLength = (4 * SharedTile.Bytes + AsyncCopy.Bytes) / 2;

    public ArrayView<BFloat16> Query;  // strided [batch, heads, queries, 64]
    public ArrayView<BFloat16> Key;    // strided [batch, keyValueHeads, keys, 64]
    public ArrayView<BFloat16> Value;  // strided [batch, keyValueHeads, keys, 64]
    public ArrayView<BFloat16> Output; // strided [batch, heads, queries, 64]
    public ArrayView<float> LogSumExp; // [batch, heads, queries] or empty
    public ArrayView<RowNormalizer> Normalizer; // [batch, heads, queries] or empty
    public AttentionArrays Arrays;
    public AttentionShape Shape;
    public AttentionRules Rules;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: one group per tile of queries, head and batch.</summary>
    public static void Kernel(AttentionTensorCore<TMask, TScore> p)
    {
        ArrayView<BFloat16> shared = SharedMemory.Allocate<BFloat16>(SharedLength);
        long origin = AsyncCopy.SharedAddress(ref shared[0]);
        long buffer = (origin + AsyncCopy.Bytes - 1) & ~(AsyncCopy.Bytes - 1L), other = buffer + 2 * SharedTile.Bytes;
        ArrayView<int> found = SharedMemory.Allocate<int>(1);
        TileIndex at = TileIndex.Of(p.FirstGroup + Grid.IdxX, p.Shape.Heads, TileRows, p.Shape.Queries);
        int upperQuery = at.Start + Group.IdxX / 32 * WarpRows + Group.IdxX % 32 / 4, lowerQuery = upperQuery + 8;
        AttentionRow upper = AttentionRow.Of(p.Arrays, p.Shape, p.Rules, at.Batch, at.Head, upperQuery);
        AttentionRow lower = AttentionRow.Of(p.Arrays, p.Shape, p.Rules, at.Batch, at.Head, lowerQuery);
        int first = AttentionRow.FirstKey(p.Shape, p.Rules, at.Start);
        int end = p.Rules.KeyEnd(p.Shape, IntrinsicMath.Min(at.Start + TileRows, p.Shape.Queries) - 1);
        int key = AttentionTiles.NextKey(-AttentionTiles.TileKeys, first, p.Rules.FreeColumns);
        if (key < end)
            BeginLoad(p, at, key, buffer);
        AsyncCopy.CloseGroup();

        WarpQueries queries = WarpQueries.Load(
            p.Query, QueryStart(p, at, upperQuery), QueryStart(p, at, lowerQuery), upperQuery < p.Shape.Queries, lowerQuery < p.Shape.Queries);
        WarpTile output = default;
        float upperLargest = AttentionRules.LowestScore, lowerLargest = AttentionRules.LowestScore, upperSum = 0f, lowerSum = 0f;
        if (Group.IdxX == 0)
            found[0] = 0;
        while (key < end)
        {
            int next = AttentionTiles.NextKey(key, first, p.Rules.FreeColumns);
            if (next < end)
                BeginLoad(p, at, next, other);
            AsyncCopy.CloseGroup();
            AsyncCopy.WaitForAllButLast();
            Group.Barrier();

            WarpTile scores = WarpQueries.Products(queries, SharedTile.At(buffer));
            scores = Score(p, upper, lower, scores, key + Group.IdxX % 4 * 2);
            float upperNew = QuadMaximum(WarpTile.UpperMaximum(scores, upperLargest)), lowerNew = QuadMaximum(WarpTile.LowerMaximum(scores, lowerLargest));
            float upperFactor = AttentionRow.Correction(upperLargest, upperNew), lowerFactor = AttentionRow.Correction(lowerLargest, lowerNew);
            upperLargest = upperNew;
            lowerLargest = lowerNew;
            WarpTile weights = WarpTile.Exponentiate(scores, upperLargest, lowerLargest);
            upperSum = upperSum * upperFactor + WarpTile.UpperSum(weights);
            lowerSum = lowerSum * lowerFactor + WarpTile.LowerSum(weights);
            bool hides = WarpHidden.MayHide<TMask>(p.Arrays, p.Shape, p.Rules, at.Start, TileRows, key);
            if (hides)
            {
                WarpHidden.Clean(shared.Cast<uint>(), (int)(buffer + SharedTile.Bytes - origin) / sizeof(uint), found);
                Group.Barrier();
            }

            output = AddWeighted(WarpTile.ScaleRows(output, upperFactor, lowerFactor), weights, SharedTile.At(buffer + SharedTile.Bytes));
            if (hides && found[0] != 0)
                output = AddSeen(p, at, upper, lower, output, key);

            // The next iteration copies into what this one has read.
            Group.Barrier();
            (buffer, other) = (other, buffer);
            key = next;
        }

        upperSum = QuadSum(upperSum);
        lowerSum = QuadSum(lowerSum);
        RowNormalizer upperNormalizer = RowNormalizer.Of(upperLargest, upperSum), lowerNormalizer = RowNormalizer.Of(lowerLargest, lowerSum);
        output = WarpTile.ScaleRows(output, upperNormalizer.Reciprocal, lowerNormalizer.Reciprocal);
        Store(p, at, upperQuery, WarpRow.Upper(output), upperNormalizer, upperSum);
        Store(p, at, lowerQuery, WarpRow.Lower(output), lowerNormalizer, lowerSum);
    }

    private static void BeginLoad(AttentionTensorCore<TMask, TScore> p, TileIndex at, int key, long target)
    {
        SharedTile.BeginLoad(target, p.Key, p.Shape.KeyOffset(at.Batch, at.Head, key), p.Shape.KeyRowStride, p.Shape.Keys - key);
        SharedTile.BeginLoad(target + SharedTile.Bytes, p.Value, p.Shape.ValueOffset(at.Batch, at.Head, key), p.Shape.ValueRowStride, p.Shape.Keys - key);
    }

    private static long QueryStart(AttentionTensorCore<TMask, TScore> p, TileIndex at, int query)
        => p.Shape.QueryOffset(at.Batch, at.Head, IntrinsicMath.Min(query, p.Shape.Queries - 1));

    /// <summary>From products to scores; <paramref name="key"/> is the key of the lane's first column.</summary>
    private static WarpTile Score(AttentionTensorCore<TMask, TScore> p, AttentionRow upper, AttentionRow lower, WarpTile t, int key) => new()
    {
        N0 = Score(p, upper, lower, t.N0, key),
        N1 = Score(p, upper, lower, t.N1, key + 8),
        N2 = Score(p, upper, lower, t.N2, key + 16),
        N3 = Score(p, upper, lower, t.N3, key + 24),
        N4 = Score(p, upper, lower, t.N4, key + 32),
        N5 = Score(p, upper, lower, t.N5, key + 40),
        N6 = Score(p, upper, lower, t.N6, key + 48),
        N7 = Score(p, upper, lower, t.N7, key + 56),
    };

    private static Float4 Score(AttentionTensorCore<TMask, TScore> p, AttentionRow upper, AttentionRow lower, Float4 products, int key) => new(
        AttentionRow.Score<TMask, TScore>(p.Arrays, p.Rules, upper, p.Rules.Scale * products.X, key),
        AttentionRow.Score<TMask, TScore>(p.Arrays, p.Rules, upper, p.Rules.Scale * products.Y, key + 1),
        AttentionRow.Score<TMask, TScore>(p.Arrays, p.Rules, lower, p.Rules.Scale * products.Z, key),
        AttentionRow.Score<TMask, TScore>(p.Arrays, p.Rules, lower, p.Rules.Scale * products.W, key + 1));

    private static WarpTile AddWeighted(WarpTile output, WarpTile weights, SharedTile values)
    {
        output = WarpTile.Add(output, WarpTile.AsOperand(weights.N0, weights.N1), values, 0);
        output = WarpTile.Add(output, WarpTile.AsOperand(weights.N2, weights.N3), values, 16);
        output = WarpTile.Add(output, WarpTile.AsOperand(weights.N4, weights.N5), values, 32);
        return WarpTile.Add(output, WarpTile.AsOperand(weights.N6, weights.N7), values, 48);
    }

    /// <summary>Adds what was cleaned out of a tile of values to the rows that see it.</summary>
    private static WarpTile AddSeen(AttentionTensorCore<TMask, TScore> p, TileIndex at, AttentionRow upper, AttentionRow lower, WarpTile output, int key)
    {
        var values = new TileRows<BFloat16>
        {
            Source = p.Value,
            Start = p.Shape.ValueOffset(at.Batch, at.Head, key),
            RowStride = p.Shape.ValueRowStride,
            Rows = p.Shape.Keys - key,
            Columns = HeadDim,
        };
        int rows = IntrinsicMath.Min(AttentionTiles.TileKeys, values.Rows);
        for (int row = 0; row < rows; row++)
        {
            bool sees = AttentionRow.Sees<TMask, TScore>(
                p.Arrays, p.Rules, upper, key + row), lowerSees = AttentionRow.Sees<TMask, TScore>(p.Arrays, p.Rules, lower, key + row);
            output = WarpHidden.AddSeen(output, values, row, sees, lowerSees);
        }

        return output;
    }

    private static void Store(AttentionTensorCore<TMask, TScore> p, TileIndex at, int query, WarpRow row, RowNormalizer normalizer, float sum)
    {
        if (query < p.Shape.Queries)
        {
            WarpRow.Store(row, p.Output.Cast<uint>(), p.Shape.OutputOffset(at.Batch, at.Head, query) / 2 + Group.IdxX % 4);
            if (Group.IdxX % 4 == 0)
                RowNormalizer.Store(normalizer, sum, p.Normalizer, p.LogSumExp, p.Shape, at, query);
        }
    }

    /// <summary>The maximum over the four lanes that share a row.</summary>
    private static float QuadMaximum(float value)
    {
        value = IntrinsicMath.Max(value, Warp.ShuffleXor(value, 1));
        return IntrinsicMath.Max(value, Warp.ShuffleXor(value, 2));
    }

    /// <summary>The sum over the four lanes that share a row.</summary>
    private static float QuadSum(float value)
    {
        value += Warp.ShuffleXor(value, 1);
        return value + Warp.ShuffleXor(value, 2);
    }
}
