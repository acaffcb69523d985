using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>
/// The gradient of an additive bias: dS, summed over the axes along which the bias is broadcast. A block owns a tile of the bias and recomputes all that flows
/// into it, in order, so that nothing as large as the scores exists and nothing is added atomically.
/// </summary>
internal unsafe struct FlashBackwardBiasVectorized<TElement> : ILaneKernel
    where TElement : unmanaged, IElement<TElement>
{
    public FlashBackwardTensors<TElement> Tensors;

    /// <summary>How many blocks there are.</summary>
    public readonly int Blocks => checked(BiasBatches * BiasHeads * QueryTiles * KeyTiles);

    private readonly int BiasBatches => Tensors.Rules.BiasBatchStride == 0 ? 1 : Tensors.Shape.Batch;

    private readonly int BiasHeads => Tensors.Rules.BiasHeadStride == 0 ? 1 : Tensors.Shape.Heads;

    private readonly bool IsPerQuery => Tensors.Rules.BiasQueryStride != 0;

    private readonly int QueryTiles => IsPerQuery ? Tensors.BlocksPerHead(Tensors.Shape.Queries) : 1;

    private readonly int KeyTiles => (Tensors.Shape.Keys - Tensors.Rules.FreeColumns + FlashScratch.Tile - 1) / FlashScratch.Tile;

    public readonly int Lanes => Tensors.RowsPerBlock;

    public void Execute(int block) => LaneKernel.Execute(ref this, block);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<TSimd, TVector>(int block)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        AttentionShape shape = Tensors.Shape;
        int lanes = Tensors.RowsPerBlock;
        bool widens = typeof(TElement) != typeof(Float32);
        int bytes = new FlashScratch(null, shape, lanes, widens, FlashPass.BiasGradient).Bytes;
        byte* memory = stackalloc byte[bytes + FlashScratch.Alignment];
        var scratch = new FlashScratch(FlashScratch.Align(memory), shape, lanes, widens, FlashPass.BiasGradient);
        new Span<float>(scratch.HeadSums, FlashScratch.Tile * lanes).Clear();

        int firstKey = Tensors.Rules.FreeColumns + block % KeyTiles * FlashScratch.Tile, keys = Math.Min(FlashScratch.Tile, shape.Keys - firstKey);
        int firstQuery = block / KeyTiles % QueryTiles * lanes, endQuery = IsPerQuery ? Math.Min(shape.Queries, firstQuery + lanes) : shape.Queries;
        int biasHead = block / KeyTiles / QueryTiles % BiasHeads, biasBatch = block / KeyTiles / QueryTiles / BiasHeads;
        for (int batch = biasBatch; batch < shape.Batch; batch += BiasBatches)
        {
            for (int head = biasHead; head < shape.Heads; head += BiasHeads)
            {
                for (int query = firstQuery; query < endQuery; query += lanes)
                    Add<TSimd, TVector>(scratch, batch, head, query, Math.Min(lanes, endQuery - query), firstKey, keys);
            }
        }

        float* target = Tensors.BiasGradient + biasBatch * Tensors.Rules.BiasBatchStride + biasHead * Tensors.Rules.BiasHeadStride + (
            firstKey - Tensors.Rules.FreeColumns);
        if (IsPerQuery)
        {
            var rows = (Float32*)(target + firstQuery * Tensors.Rules.BiasQueryStride);
            LanePanel.Unpack(scratch.HeadSums, lanes, 1f, rows, Tensors.Rules.BiasQueryStride, endQuery - firstQuery, keys, scratch.FourRows);
            return;
        }

        for (int k = 0; k < keys; k++)
        {
            float sum = 0f;
            for (int lane = 0; lane < lanes; lane++)
                sum += scratch.HeadSums[k * lanes + lane];
            target[k] = sum;
        }
    }

    // What the queries of one block of one head add.
    private readonly void Add<TSimd, TVector>(in FlashScratch scratch, int batch, int head, int firstQuery, int queries, int firstKey, int keys)
        where TSimd : struct, ISimd<TVector>
        where TVector : unmanaged
    {
        var rules = new AttentionHead(Tensors.Shape, Tensors.Rules, Tensors.Arrays, batch, head);
        Tensors.PackQueries(scratch, rules, batch, head, firstQuery, queries);
        int lanes = scratch.Lanes, count = Tensors.ScoreGradients<TSimd, TVector>(scratch, rules, batch, head, firstQuery, queries, firstKey, keys, out _);
        for (int r = 0; r < count; r++)
        {
            float* sums = scratch.HeadSums + (scratch.Numbers[r] - firstKey) * lanes, gradients = scratch.Gradients + r * lanes;
            for (int lane = 0; lane < lanes; lane += TSimd.Width)
                TSimd.Store(TSimd.Add(TSimd.Load(sums + lane), TSimd.Load(gradients + lane)), sums + lane);
        }
    }
}
