using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>delta = Σ_d output · outputGradient, one group per query of a head: what softmax's gradient subtracts from every dP of the row.</summary>
internal struct FlashBackwardDeltaPortable<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Output;         // strided [batch, heads, queries, valueDim]
    public ArrayView<TElement> OutputGradient; // as the output
    public ArrayView<float> Delta;             // [batch, heads, queries]
    public AttentionShape Shape;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(FlashBackwardDeltaPortable<TElement> p)
    {
        TileIndex at = TileIndex.Of(p.Shape.Heads, 1, p.Shape.Queries);
        long start = p.Shape.OutputOffset(at.Batch, at.Head, at.Start);
        float sum = 0f;
        for (int c = Group.IdxX; c < p.Shape.ValueDim; c += GroupSize)
            sum += TElement.ToSingle(p.Output[start + c]) * TElement.ToSingle(p.OutputGradient[start + c]);
        sum = GroupReduce.Sum(sum);
        if (Group.IdxX == 0)
            p.Delta[p.Shape.LogSumExpOffset(at.Batch, at.Head, at.Start)] = sum;
    }
}
