using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>
/// The query's gradient: dQ = scale · dS K, a block of queries of one head at a time, one query per lane; dS is recomputed from what forward stored of the row.
/// </summary>
internal unsafe struct FlashBackwardQueryVectorized<TElement> : ILaneKernel
    where TElement : unmanaged, IElement<TElement>
{
    public FlashBackwardTensors<TElement> Tensors;

    /// <summary>How many blocks there are.</summary>
    public readonly int Blocks => checked(Tensors.Shape.Batch * Tensors.Shape.Heads * Tensors.BlocksPerHead(Tensors.Shape.Queries));

    public readonly int Lanes => Tensors.RowsPerBlock;

    public void Execute(int block) => LaneKernel.Execute(ref this, block);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<TSimd, TVector>(int block)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        AttentionShape shape = Tensors.Shape;
        int lanes = Tensors.RowsPerBlock, blocksPerHead = Tensors.BlocksPerHead(shape.Queries);
        bool widens = typeof(TElement) != typeof(Float32);
        int bytes = new FlashScratch(null, shape, lanes, widens, FlashPass.QueryGradient).Bytes;
        byte* memory = stackalloc byte[bytes + FlashScratch.Alignment];
        var scratch = new FlashScratch(FlashScratch.Align(memory), shape, lanes, widens, FlashPass.QueryGradient);

        int batch = block / blocksPerHead / shape.Heads, head = block / blocksPerHead % shape.Heads;
        int firstQuery = block % blocksPerHead * lanes, queries = Math.Min(lanes, shape.Queries - firstQuery);
        var rules = new AttentionHead(shape, Tensors.Rules, Tensors.Arrays, batch, head);
        Tensors.PackQueries(scratch, rules, batch, head, firstQuery, queries);
        new Span<float>(scratch.HeadSums, FlashScratch.Padded(shape.HeadDim) * lanes).Clear();
        new Span<float>(scratch.Factor, lanes).Fill(1f);

        int end = Tensors.Rules.KeyEnd(shape, firstQuery + queries - 1);
        for (int key = rules.Sight.SkipBeforeWindow(0, firstQuery); key < end;)
        {
            int keys = Math.Min(FlashScratch.Tile, end - key);
            int count = Tensors.ScoreGradients<TSimd, TVector>(scratch, rules, batch, head, firstQuery, queries, key, keys, out bool everything);
            ulong* visible = everything ? null : scratch.Visible;
            LaneProducts<TSimd, TVector>.Accumulate(
                scratch.HeadRows, shape.HeadDim, count, scratch.Gradients, lanes, scratch.Factor, scratch.HeadSums, visible);
            key = rules.Sight.SkipBeforeWindow(key + keys, firstQuery);
        }

        TElement* target = Tensors.QueryGradient + shape.QueryOffset(batch, head, firstQuery);
        LanePanel.Unpack(scratch.HeadSums, lanes, Tensors.Rules.Scale, target, shape.QueryRowStride, queries, shape.HeadDim, scratch.FourRows);
    }
}
