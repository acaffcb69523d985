using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>
/// Puts the chunks of <see cref="FlashDecodePortable{TElement}"/> together, in their order: a group takes 64 columns of one query of one head.
/// </summary>
internal struct FlashDecodeFoldPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<float> Partial; // [batch, heads, queries, chunks, valueDim]
    public ArrayView<float> Sums;    // [batch, heads, queries, chunks, 2]: largest score, sum of exponentials
    public ArrayView<TElement> Output;
    public ArrayView<float> LogSumExp; // [batch, heads, queries] or empty
    public AttentionShape Shape;
    public int Chunks;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (long)Shape.Batch * Shape.Heads * Shape.Queries * ((Shape.ValueDim + GroupSize - 1) / GroupSize);

    /// <summary>Grid: batch × heads × queries × (columns / <see cref="GroupSize"/> rounded up).</summary>
    public static void Kernel(FlashDecodeFoldPortable<TElement> p)
    {
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, (p.Shape.ValueDim + GroupSize - 1) / GroupSize);
        int row = at.Outer, column = at.Inner * GroupSize + Group.IdxX;
        long firstChunk = (long)row * p.Chunks;
        float largest = AttentionRow.Hidden, sum = 0f, total = 0f;
        for (int chunk = 0; chunk < p.Chunks; chunk++)
            largest = XMath.Max(largest, p.Sums[(firstChunk + chunk) * 2]);
        for (int chunk = 0; chunk < p.Chunks; chunk++)
        {
            // A chunk without a visible key has sums of zero; whatever else they are, a NaN among them stays one.
            float chunkLargest = p.Sums[(firstChunk + chunk) * 2];
            float weight = chunkLargest <= AttentionRow.Hidden ? 1f : AttentionRow.Weight(chunkLargest, largest);
            sum += weight * p.Sums[(firstChunk + chunk) * 2 + 1];
            if (column < p.Shape.ValueDim)
                total += weight * p.Partial[(firstChunk + chunk) * p.Shape.ValueDim + column];
        }

        RowNormalizer normalizer = RowNormalizer.Of(largest, sum);
        if (column < p.Shape.ValueDim)
        {
            int query = row % p.Shape.Queries, head = row / p.Shape.Queries % p.Shape.Heads;
            p.Output[p.Shape.OutputOffset(row / p.Shape.Queries / p.Shape.Heads, head, query) + column] = TElement.FromSingle(total * normalizer.Reciprocal);
        }

        if (column == 0 && p.LogSumExp.Length > 0)
            p.LogSumExp[row] = sum == 0f ? AttentionRules.DeadLogSumExp : largest + XMath.Log2(sum) * AttentionRow.Ln2;
    }
}
