using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Puts the chunks of <see cref="FlashDecodeVectorized{TElement}"/> together, in their order: one row, a query of a head, after the other.</summary>
internal unsafe struct FlashDecodeFoldVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public float* Partial;   // [batch, heads, queries, chunks, valueDim rounded up to a vector]
    public float* Sums;      // [batch, heads, queries, chunks, 2]: largest score, sum of exponentials
    public TElement* Output;
    public float* LogSumExp; // [batch, heads, queries] or null
    public AttentionShape Shape;
    public int Chunks;
    public int RowsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Shape.Batch * Shape.Heads * Shape.Queries + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Shape.Batch * Shape.Heads * Shape.Queries, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
            Fold(row);
    }

    private readonly void Fold(int row)
    {
        float* sums = Sums + (long)row * Chunks * 2;
        float largest = float.NegativeInfinity, sum = 0f;
        for (int chunk = 0; chunk < Chunks; chunk++)
            largest = MathF.Max(largest, sums[2 * chunk]);
        for (int chunk = 0; chunk < Chunks; chunk++)
            sum += Weight(sums[2 * chunk], largest) * sums[2 * chunk + 1];
        float reciprocal = sum == 0f ? 0f : 1f / sum;
        int width = FlashDecodeVectorized<TElement>.PaddedWidth(Shape.ValueDim), query = row % Shape.Queries, head = row / Shape.Queries % Shape.Heads;
        TElement* output = Output + Shape.OutputOffset(row / Shape.Queries / Shape.Heads, head, query);
        float* partial = Partial + (long)row * Chunks * width;
        for (int column = 0; column < Shape.ValueDim; column += ElementVector.Width)
        {
            Vector512<float> total = Vector512<float>.Zero;
            for (int chunk = 0; chunk < Chunks; chunk++)
                total += Vector512.Load(partial + (long)chunk * width + column) * (Weight(sums[2 * chunk], largest) * reciprocal);
            ElementVector.Store(total, output + column, Shape.ValueDim - column);
        }

        if (LogSumExp != null)
            LogSumExp[row] = sum == 0f ? AttentionRules.DeadLogSumExp : largest + MathF.Log(sum);
    }

    // A chunk in which nothing is visible has no weight.
    private static float Weight(float chunkLargest, float largest) => float.IsNegativeInfinity(chunkLargest) ? 0f : MathF.Exp(chunkLargest - largest);
}
