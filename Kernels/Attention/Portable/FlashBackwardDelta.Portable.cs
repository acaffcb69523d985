using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// delta = Σ_d outputGradient · output, one thread per query of a head: what softmax's gradient subtracts from every dP of the row. A thread adds up its row in
/// the order in which <see cref="AttentionTiles.Products"/> adds up dP = dO Vᵀ: where a query sees one key alone, so that its output is that key's value, the
/// difference and with it the gradient is then exactly zero.
/// </summary>
internal struct FlashBackwardDeltaPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group, and rows.</summary>
    public const int GroupSize = 64;

    // How much of the width is in shared memory at a time; a row is one longer, so that the threads read from different banks.
    private const int Depth = 32, Stride = Depth + 1;

    public ArrayView<TElement> Output;         // strided [batch, heads, queries, valueDim]
    public ArrayView<TElement> OutputGradient; // as the output
    public ArrayView<float> Delta;             // [batch, heads, queries]
    public AttentionShape Shape;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: one group per <see cref="GroupSize"/> queries, head and batch.</summary>
    public static void Kernel(FlashBackwardDeltaPortable<TElement> p)
    {
        ArrayView<float> outputs = SharedMemory.Allocate<float>(GroupSize * Stride);
        ArrayView<float> gradients = SharedMemory.Allocate<float>(GroupSize * Stride);
        TileIndex at = TileIndex.Of(p.FirstGroup + Grid.IdxX, p.Shape.Heads, GroupSize, p.Shape.Queries);
        TileRows<TElement> rows = Rows(p, at, p.Output), gradientRows = Rows(p, at, p.OutputGradient);
        float sum = 0f;
        for (int start = 0; start < p.Shape.ValueDim; start += Depth)
        {
            for (int i = Group.IdxX; i < GroupSize * Depth; i += GroupSize)
            {
                int row = i / Depth, column = i % Depth;
                outputs[row * Stride + column] = TileRows<TElement>.Read(rows, row, start + column);
                gradients[row * Stride + column] = TileRows<TElement>.Read(gradientRows, row, start + column);
            }

            Group.Barrier();
            int depth = IntrinsicMath.Min(Depth, p.Shape.ValueDim - start);
            for (int first = 0; first < depth; first += AttentionTiles.DepthPiece)
            {
                float piece = 0f;
                int end = IntrinsicMath.Min(depth, first + AttentionTiles.DepthPiece);
                for (int d = first; d < end; d++)
                    piece = Fused.MultiplyAdd(gradients[Group.IdxX * Stride + d], outputs[Group.IdxX * Stride + d], piece);
                sum += piece;
            }

            Group.Barrier();
        }

        if (Group.IdxX < rows.Rows)
            p.Delta[p.Shape.RowOffset(at.Batch, at.Head, at.Start + Group.IdxX)] = sum;
    }

    private static TileRows<TElement> Rows(FlashBackwardDeltaPortable<TElement> p, TileIndex at, ArrayView<TElement> source) => new()
    {
        Source = source,
        Start = p.Shape.OutputOffset(at.Batch, at.Head, at.Start),
        RowStride = p.Shape.OutputRowStride,
        Rows = p.Shape.Queries - at.Start,
        Columns = p.Shape.ValueDim,
    };
}
