using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// Fused attention with SIMD: output = softmax(softclamp(scale · Q Kᵀ + bias)) V, a block of queries of one head at a time, keys streaming by in tiles.
/// Each lane is one query, so masks are bits, the softmax needs no sums across lanes, and keys that no query of the block sees cost nothing.
/// </summary>
/// <remarks>Dao et al., "FlashAttention", 2022, with the roles of rows and lanes exchanged: keys and values are broadcast from where they are.</remarks>
internal unsafe struct FlashForwardVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Query;   // by the shape's strides, like the next three
    public TElement* Key;
    public TElement* Value;
    public TElement* Output;
    public float* LogSumExp;  // [batch, heads, queries] or null
    public AttentionPointers Arrays;
    public AttentionShape Shape;
    public AttentionRules Rules;
    public int RowsPerBlock;  // 32 or 64

    /// <summary>How many blocks there are.</summary>
    public readonly int Blocks => checked(Shape.Batch * Shape.Heads * ((Shape.Queries + RowsPerBlock - 1) / RowsPerBlock));

    public readonly void Execute(int block)
    {
        if (Vector512.IsHardwareAccelerated)
            Run<Simd512, Vector512<float>>(block);
        else if (Vector256.IsHardwareAccelerated)
            Run<Simd256, Vector256<float>>(block);
        else
            Run<Simd128, Vector128<float>>(block);
    }

    /// <summary><see cref="Execute"/> with vectors of a given width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal readonly void Run<TSimd, TVector>(int block)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        bool widens = typeof(TElement) != typeof(Float32);
        int bytes = new FlashScratch(null, Shape, RowsPerBlock, widens).Bytes;
        byte* memory = stackalloc byte[bytes + FlashScratch.Alignment];
        memory += -(nint)memory & (FlashScratch.Alignment - 1);
        var scratch = new FlashScratch(memory, Shape, RowsPerBlock, widens);

        int blocksPerHead = (Shape.Queries + RowsPerBlock - 1) / RowsPerBlock;
        int batch = block / blocksPerHead / Shape.Heads, head = block / blocksPerHead % Shape.Heads;
        int firstQuery = block % blocksPerHead * RowsPerBlock, queries = Math.Min(RowsPerBlock, Shape.Queries - firstQuery);
        var rules = new AttentionHead(Shape, Rules, Arrays, batch, head);
        Begin(scratch, rules, batch, head, firstQuery, queries);

        int end = Rules.KeyEnd(Shape, firstQuery + queries - 1);
        for (int key = rules.SkipBeforeWindow(0, firstQuery); key < end;)
        {
            int keys = Math.Min(FlashScratch.Tile, end - key);
            int count = rules.ListVisible(firstQuery, queries, key, keys, scratch.Keys, scratch.Visible, out bool everyKey);
            if (count > 0)
            {
                GatherRows(scratch, batch, head, count);
                LaneProducts<TSimd, TVector>.Dot(scratch.FirstRows, count, scratch.Query, RowsPerBlock, Shape.HeadDim, scratch.Scores);
                if (rules.HasBias)
                    PackBias(scratch, rules, firstQuery, queries, key, keys);
                if (!everyKey || rules.ChangesScores)
                    LaneScores<TSimd, TVector>.Adjust(rules, scratch.Scores, RowsPerBlock, count, scratch.Keys, everyKey ? null : scratch.Visible, scratch.Bias, key, scratch.Positions);
                LaneScores<TSimd, TVector>.Softmax(scratch.Scores, RowsPerBlock, count, scratch.Maximum, scratch.Total, scratch.Factor);
                LaneProducts<TSimd, TVector>.Accumulate(scratch.SecondRows, Shape.ValueDim, count, scratch.Scores, RowsPerBlock, scratch.Factor, scratch.Sums);
            }

            key = rules.SkipBeforeWindow(key + keys, firstQuery);
        }

        LaneScores<TSimd, TVector>.Normalise(scratch.Sums, Shape.ValueDim, RowsPerBlock, scratch.Total);
        End(scratch, batch, head, firstQuery, queries);
    }

    // Turns the queries into lanes, scaled once here rather than in every tile of scores.
    private readonly void Begin(in FlashScratch scratch, in AttentionHead rules, int batch, int head, int firstQuery, int queries)
    {
        TElement* source = Query + Shape.QueryOffset(batch, head, firstQuery);
        LanePanel.Pack(source, Shape.QueryRowStride, queries, Shape.HeadDim, Rules.Scale, scratch.Query, RowsPerBlock, scratch.FourRows);
        new Span<float>(scratch.Sums, (Shape.ValueDim + 3) / 4 * 4 * RowsPerBlock).Clear();
        for (int lane = 0; lane < RowsPerBlock; lane++)
        {
            // Finite, so that a query that has seen no key yet does not compute ∞ − ∞.
            scratch.Maximum[lane] = float.MinValue;
            scratch.Total[lane] = 0f;
            scratch.Positions[lane] = rules.QueryPosition(firstQuery + Math.Min(lane, queries - 1));
        }
    }

    // Points at the listed keys and values, or at copies of them in float32.
    private readonly void GatherRows(in FlashScratch scratch, int batch, int head, int count)
    {
        TElement* keys = Key + Shape.KeyOffset(batch, head, 0), values = Value + Shape.ValueOffset(batch, head, 0);
        int width = LanePanel.PaddedWidth(Math.Max(Shape.HeadDim, Shape.ValueDim));
        for (int k = 0; k < count; k++)
        {
            TElement* key = keys + scratch.Keys[k] * Shape.KeyRowStride, value = values + scratch.Keys[k] * Shape.ValueRowStride;
            if (typeof(TElement) == typeof(Float32))
            {
                scratch.FirstRows[k] = (float*)key;
                scratch.SecondRows[k] = (float*)value;
                continue;
            }

            scratch.FirstRows[k] = scratch.Widened + k * width;
            scratch.SecondRows[k] = scratch.Widened + (FlashScratch.Tile + k) * width;
            LanePanel.Widen(key, Shape.HeadDim, scratch.FirstRows[k]);
            LanePanel.Widen(value, Shape.ValueDim, scratch.SecondRows[k]);
        }

        // Rows are multiplied four at a time.
        for (int k = count; k % LaneProducts<Simd128, Vector128<float>>.RowTile != 0; k++)
            scratch.FirstRows[k] = scratch.FirstRows[k - 1];
    }

    private readonly void PackBias(in FlashScratch scratch, in AttentionHead rules, int firstQuery, int queries, int firstKey, int keys)
    {
        int free = Math.Clamp(Rules.FreeColumns - firstKey, 0, keys);
        Float32* source = (Float32*)rules.BiasRow(firstQuery) + firstKey + free;
        LanePanel.Pack(source, rules.BiasStride, queries, keys - free, 1f, scratch.Bias + free * RowsPerBlock, RowsPerBlock, scratch.FourRows);
    }

    private readonly void End(in FlashScratch scratch, int batch, int head, int firstQuery, int queries)
    {
        TElement* target = Output + Shape.OutputOffset(batch, head, firstQuery);
        LanePanel.Unpack(scratch.Sums, RowsPerBlock, target, Shape.OutputRowStride, queries, Shape.ValueDim, scratch.FourRows);
        if (LogSumExp == null)
            return;
        float* logSumExp = LogSumExp + Shape.LogSumExpOffset(batch, head, firstQuery);
        for (int lane = 0; lane < queries; lane++)
            logSumExp[lane] = scratch.Total[lane] == 0f ? AttentionRules.DeadLogSumExp : scratch.Maximum[lane] + MathF.Log(scratch.Total[lane]);
    }
}
