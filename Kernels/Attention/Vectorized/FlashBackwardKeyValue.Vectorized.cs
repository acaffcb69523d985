using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>
/// The gradients of key and value: dV = Pᵀ dO and dK = scale · dSᵀ Q, a block of keys of one key/value head at a time, one key per lane. All query heads that
/// share the key/value head are summed by the same block, in order: no atomics, the same bits every time.
/// </summary>
internal unsafe struct FlashBackwardKeyValueVectorized<TElement> : ILaneKernel
    where TElement : unmanaged, IElement<TElement>
{
    public FlashBackwardTensors<TElement> Tensors;

    /// <summary>How many blocks there are.</summary>
    public readonly int Blocks => checked(Tensors.Shape.Batch * Tensors.Shape.KeyValueHeads * Tensors.BlocksPerHead(Tensors.Shape.Keys));

    public readonly int Lanes => Tensors.RowsPerBlock;

    public void Execute(int block) => LaneKernel.Execute(ref this, block);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<TSimd, TVector>(int block)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        AttentionShape shape = Tensors.Shape;
        int lanes = Tensors.RowsPerBlock, blocksPerHead = Tensors.BlocksPerHead(shape.Keys);
        bool widens = typeof(TElement) != typeof(Float32);
        int bytes = new FlashScratch(null, shape, lanes, widens, FlashPass.KeyValueGradient).Bytes;
        byte* memory = stackalloc byte[bytes + FlashScratch.Alignment];
        var scratch = new FlashScratch(FlashScratch.Align(memory), shape, lanes, widens, FlashPass.KeyValueGradient);

        int batch = block / blocksPerHead / shape.KeyValueHeads, keyValueHead = block / blocksPerHead % shape.KeyValueHeads;
        int firstKey = block % blocksPerHead * lanes, keys = Math.Min(lanes, shape.Keys - firstKey);
        long keyOffset = batch * shape.KeyBatchStride + keyValueHead * shape.KeyHeadStride + firstKey * shape.KeyRowStride;
        long valueOffset = batch * shape.ValueBatchStride + keyValueHead * shape.ValueHeadStride + firstKey * shape.ValueRowStride;
        LanePanel.Pack(Tensors.Key + keyOffset, shape.KeyRowStride, keys, shape.HeadDim, 1f, scratch.HeadPanel, lanes, scratch.FourRows);
        LanePanel.Pack(Tensors.Value + valueOffset, shape.ValueRowStride, keys, shape.ValueDim, 1f, scratch.ValuePanel, lanes, scratch.FourRows);
        new Span<float>(scratch.HeadSums, FlashScratch.Padded(shape.HeadDim) * lanes).Clear();
        new Span<float>(scratch.ValueSums, FlashScratch.Padded(shape.ValueDim) * lanes).Clear();
        new Span<float>(scratch.Factor, lanes).Fill(1f);

        for (int head = 0; head < shape.Heads; head++)
        {
            if (shape.KeyValueHead(head) == keyValueHead)
                AddHead<TSimd, TVector>(scratch, batch, head, firstKey, keys);
        }

        LanePanel.Unpack(scratch.HeadSums, lanes, 1f, Tensors.KeyGradient + keyOffset, shape.KeyRowStride, keys, shape.HeadDim, scratch.FourRows);
        LanePanel.Unpack(scratch.ValueSums, lanes, 1f, Tensors.ValueGradient + valueOffset, shape.ValueRowStride, keys, shape.ValueDim, scratch.FourRows);
    }

    // What the queries of one head add.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void AddHead<TSimd, TVector>(in FlashScratch scratch, int batch, int head, int firstKey, int keys)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        AttentionShape shape = Tensors.Shape;
        int lanes = scratch.Lanes;
        var rules = new AttentionHead(shape, Tensors.Rules, Tensors.Arrays, batch, head);
        TElement* query = Tensors.Query + shape.QueryOffset(batch, head, 0), gradient = Tensors.OutputGradient + shape.OutputOffset(batch, head, 0);
        long rowOffset = shape.RowOffset(batch, head, 0);
        rules.PlaceKeysInLanes(scratch, firstKey, keys);
        for (int firstQuery = rules.Sight.FirstQuery(firstKey); firstQuery < shape.Queries; firstQuery += FlashScratch.Tile)
        {
            int queries = Math.Min(FlashScratch.Tile, shape.Queries - firstQuery);
            int count = rules.Sight.ListQueries(firstKey, keys, firstQuery, queries, scratch.Numbers, scratch.Visible, out bool everything);
            if (count == 0)
                continue;

            // Scaling the queries, as forward does, gives its scores to the bit: under large scores anything else would cost probabilities their precision.
            scratch.GatherRows(query, shape.QueryRowStride, gradient, shape.OutputRowStride, Tensors.Rules.Scale, shape, count);
            LaneProducts<TSimd, TVector>.Dot(scratch.HeadRows, count, scratch.HeadPanel, lanes, shape.HeadDim, scratch.Scores);
            LaneProducts<TSimd, TVector>.Dot(scratch.ValueRows, count, scratch.ValuePanel, lanes, shape.ValueDim, scratch.Gradients);
            if (rules.HasBias)
                rules.PackBiasByKey(scratch, firstKey, keys, firstQuery, queries);
            if (rules.Slope != 0f)
                rules.PlaceQueries(scratch, count);
            if (!everything || rules.ChangesScores)
                everything = LaneScores<TSimd, TVector>.Adjust(rules, scratch, count, 0, firstQuery, everything);
            bool drops = Tensors.Rules.Dropout.Threshold != 0;
            if (drops)
            {
                LaneDropout<TSimd, TVector>.DrawByKey(scratch, count, Tensors.Rules.Dropout, rowOffset, firstKey);
                LaneDropout<TSimd, TVector>.Apply(scratch, count, Tensors.Rules.Dropout, scratch.Gradients);
            }

            LaneGradients<TSimd, TVector>.ByKey(scratch, count, rules.SoftClamp, everything, Tensors.Normalizer + 2 * rowOffset, Tensors.Delta + rowOffset);
            if (drops)
                LaneDropout<TSimd, TVector>.Apply(scratch, count, Tensors.Rules.Dropout, scratch.Scores);
            ulong* visible = everything ? null : scratch.Visible;
            LaneProducts<TSimd, TVector>.Accumulate(
                scratch.ValueRows, shape.ValueDim, count, scratch.Scores, lanes, scratch.Factor, scratch.ValueSums, visible);
            LaneProducts<TSimd, TVector>.Accumulate(
                scratch.HeadRows, shape.HeadDim, count, scratch.Gradients, lanes, scratch.Factor, scratch.HeadSums, visible);
        }
    }
}
