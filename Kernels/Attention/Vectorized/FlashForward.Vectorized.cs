using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>
/// Fused attention with SIMD: output = softmax(softclamp(scale · Q Kᵀ + bias)) V, a block of queries of one head at a time, keys streaming by in tiles.
/// Each lane is one query, so masks are bits, the softmax needs no sums across lanes, and keys that no query of the block sees cost nothing.
/// </summary>
/// <remarks>Dao et al., "FlashAttention", 2022, with the roles of rows and lanes exchanged: keys and values are broadcast from where they are.</remarks>
internal unsafe struct FlashForwardVectorized<TElement> : ILaneKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Query;   // by the shape's strides, like the next three
    public TElement* Key;
    public TElement* Value;
    public TElement* Output;
    public float* LogSumExp;  // [batch, heads, queries] or null
    // [batch, heads, queries, 2] or null: the largest score, and 1 / Σ exp(score − largest), of which backward makes the same probabilities
    public float* Normalizer;
    public AttentionPointers Arrays;
    public AttentionShape Shape;
    public AttentionRules Rules;
    public int RowsPerBlock;  // 8, 16, 32 or 64

    /// <summary>How many blocks there are.</summary>
    public readonly int Blocks => checked(Shape.Batch * Shape.Heads * ((Shape.Queries + RowsPerBlock - 1) / RowsPerBlock));

    public readonly int Lanes => RowsPerBlock;

    public void Execute(int block) => LaneKernel.Execute(ref this, block);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<TSimd, TVector>(int block)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        bool widens = typeof(TElement) != typeof(Float32);
        int bytes = new FlashScratch(null, Shape, RowsPerBlock, widens, FlashPass.Forward).Bytes;
        byte* memory = stackalloc byte[bytes + FlashScratch.Alignment];
        var scratch = new FlashScratch(FlashScratch.Align(memory), Shape, RowsPerBlock, widens, FlashPass.Forward);

        int blocksPerHead = (Shape.Queries + RowsPerBlock - 1) / RowsPerBlock;
        int batch = block / blocksPerHead / Shape.Heads, head = block / blocksPerHead % Shape.Heads;
        int firstQuery = block % blocksPerHead * RowsPerBlock, queries = Math.Min(RowsPerBlock, Shape.Queries - firstQuery);
        var rules = new AttentionHead(Shape, Rules, Arrays, batch, head);
        Begin(scratch, rules, batch, head, firstQuery, queries);

        int end = Rules.KeyEnd(Shape, firstQuery + queries - 1);
        for (int key = rules.Sight.SkipBeforeWindow(0, firstQuery); key < end;)
        {
            int keys = Math.Min(FlashScratch.Tile, end - key);
            int count = rules.Sight.ListKeys(firstQuery, queries, key, keys, scratch.Numbers, scratch.Visible, out bool everything);
            if (count > 0)
            {
                scratch.GatherRows(
                    Key + Shape.KeyOffset(batch, head, 0),
                    Shape.KeyRowStride,
                    Value + Shape.ValueOffset(batch, head, 0),
                    Shape.ValueRowStride,
                    1f,
                    Shape,
                    count);
                LaneProducts<TSimd, TVector>.Dot(scratch.HeadRows, count, scratch.HeadPanel, RowsPerBlock, Shape.HeadDim, scratch.Scores);
                if (rules.HasBias)
                    rules.PackBiasByQuery(scratch, firstQuery, queries, key, keys);
                if (rules.Slope != 0f)
                    rules.PlaceKeys(scratch, count);
                bool adjusts = !everything || rules.ChangesScores;
                if (adjusts)
                    everything = LaneScores<TSimd, TVector>.Adjust(rules, scratch, count, rules.FreeAmong(key, count), key, everything);
                LaneScores<TSimd, TVector>.Softmax(scratch.Scores, RowsPerBlock, count, scratch.Maximum, scratch.Total, scratch.Factor, mayOverflow: !adjusts);
                if (Rules.Dropout.Threshold != 0)
                    Drop<TSimd, TVector>(scratch, count, Shape.RowOffset(batch, head, firstQuery));
                ulong* visible = everything ? null : scratch.Visible;
                LaneProducts<TSimd, TVector>.Accumulate(
                    scratch.ValueRows, Shape.ValueDim, count, scratch.Scores, RowsPerBlock, scratch.Factor, scratch.ValueSums, visible);
            }

            key = rules.Sight.SkipBeforeWindow(key + keys, firstQuery);
        }

        LaneScores<TSimd, TVector>.Normalise(scratch.ValueSums, Shape.ValueDim, RowsPerBlock, scratch.Total);
        End(scratch, batch, head, firstQuery, queries);
    }

    // Turns the queries into lanes, scaled once here rather than in every tile of scores.
    private readonly void Begin(in FlashScratch scratch, in AttentionHead rules, int batch, int head, int firstQuery, int queries)
    {
        TElement* source = Query + Shape.QueryOffset(batch, head, firstQuery);
        LanePanel.Pack(source, Shape.QueryRowStride, queries, Shape.HeadDim, Rules.Scale, scratch.HeadPanel, RowsPerBlock, scratch.FourRows);
        rules.PlaceQueriesInLanes(scratch, firstQuery, queries);
        new Span<float>(scratch.ValueSums, FlashScratch.Padded(Shape.ValueDim) * RowsPerBlock).Clear();
        new Span<float>(scratch.Total, RowsPerBlock).Clear();

        // Finite, so that a query that has seen no key yet does not compute ∞ − ∞.
        new Span<float>(scratch.Maximum, RowsPerBlock).Fill(AttentionRules.LowestScore);
    }

    // Out of the way of the loop, which without dropout should not pay for it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly void Drop<TSimd, TVector>(in FlashScratch scratch, int count, long firstRow)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        LaneDropout<TSimd, TVector>.DrawByQuery(scratch, count, Rules.Dropout, firstRow);
        LaneDropout<TSimd, TVector>.Apply(scratch, count, Rules.Dropout, scratch.Scores);
    }

    private readonly void End(in FlashScratch scratch, int batch, int head, int firstQuery, int queries)
    {
        TElement* target = Output + Shape.OutputOffset(batch, head, firstQuery);
        LanePanel.Unpack(scratch.ValueSums, RowsPerBlock, 1f, target, Shape.OutputRowStride, queries, Shape.ValueDim, scratch.FourRows);
        long offset = Shape.RowOffset(batch, head, firstQuery);
        for (int lane = 0; LogSumExp != null && lane < queries; lane++)
            LogSumExp[offset + lane] = scratch.Total[lane] == 0f ? AttentionRules.DeadLogSumExp : scratch.Maximum[lane] + MathF.Log(scratch.Total[lane]);
        for (int lane = 0; Normalizer != null && lane < queries; lane++)
        {
            Normalizer[2 * (offset + lane)] = scratch.Maximum[lane];
            Normalizer[2 * (offset + lane) + 1] = scratch.Total[lane] == 0f ? 0f : 1f / scratch.Total[lane];
        }
    }
}
