using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>
/// What softmax's backward subtracts from every probability's gradient: delta = Σ_d output · outputGradient, one number per query and head, which equals
/// Σ_j P · dP without needing P. A block is some queries of one head.
/// </summary>
internal unsafe struct FlashBackwardDeltaVectorized<TElement> : ILaneKernel
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
        int blocksPerHead = Tensors.BlocksPerHead(shape.Queries), lanes = Tensors.RowsPerBlock, panel = shape.ValueDim * lanes;
        int batch = block / blocksPerHead / shape.Heads, head = block / blocksPerHead % shape.Heads;
        int first = block % blocksPerHead * lanes, queries = Math.Min(lanes, shape.Queries - first);
        int floats = 2 * panel + lanes + LanePanel.RowTile * LanePanel.PaddedWidth(shape.ValueDim);
        byte* memory = stackalloc byte[floats * sizeof(float) + FlashScratch.Alignment];
        float* output = (float*)FlashScratch.Align(memory), gradient = output + panel, delta = gradient + panel, fourRows = delta + lanes;

        long offset = shape.OutputOffset(batch, head, first);
        LanePanel.Pack(Tensors.Output + offset, shape.OutputRowStride, queries, shape.ValueDim, 1f, output, lanes, fourRows);
        LanePanel.Pack(Tensors.OutputGradient + offset, shape.OutputRowStride, queries, shape.ValueDim, 1f, gradient, lanes, fourRows);
        for (int lane = 0; lane < lanes; lane += TSimd.Width)
        {
            // Summed in the order and the pieces in which dO Vᵀ is, so that where a query sees one key alone the difference, and the gradient, is exactly zero.
            TVector sum = default;
            for (int start = 0; start < shape.ValueDim; start += LaneProducts<TSimd, TVector>.DepthPiece)
            {
                TVector piece = default;
                for (int c = start; c < Math.Min(shape.ValueDim, start + LaneProducts<TSimd, TVector>.DepthPiece); c++)
                    piece = TSimd.MultiplyAdd(TSimd.Load(output + c * lanes + lane), TSimd.Load(gradient + c * lanes + lane), piece);
                sum = TSimd.Add(sum, piece);
            }

            TSimd.Store(sum, delta + lane);
        }

        new ReadOnlySpan<float>(delta, queries).CopyTo(new Span<float>(Tensors.Delta + shape.RowOffset(batch, head, first), queries));
    }
}
