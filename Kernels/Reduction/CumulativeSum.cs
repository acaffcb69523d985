using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// y[k] = Σ x[j] over j ≤ k of each row, or over j ≥ k. One group per row: each thread sums a stretch, then all stretches before its own, then walks its own
/// again; always in the same order.
/// </summary>
internal struct CumulativeSumPortable : IGridKernel
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<float> Input;  // [outer, Length, Inner]
    public ArrayView<float> Output; // [outer, Length, Inner]
    public int Length;
    public int Inner;
    public int Reverse; // 1 for from the end

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Output.Length / Length;

    /// <summary>Grid: outer · inner groups.</summary>
    public static void Kernel(CumulativeSumPortable p)
    {
        ArrayView<float> totals = SharedMemory.Allocate<float>(GroupSize);
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, p.Inner);
        int thread = Group.IdxX, stretch = (p.Length + GroupSize - 1) / GroupSize, first = thread * stretch;
        int end = IntrinsicMath.Min(p.Length, first + stretch);
        long start = (long)at.Outer * p.Length * p.Inner + at.Inner, step = p.Inner;
        if (p.Reverse != 0)
        {
            start += (p.Length - 1) * step;
            step = -step;
        }

        float sum = 0f;
        for (int k = first; k < end; k++)
            sum += p.Input[start + k * step];
        totals[thread] = sum;
        Group.Barrier();
        sum = 0f;
        for (int before = 0; before < thread; before++)
            sum += totals[before];
        for (int k = first; k < end; k++)
        {
            sum += p.Input[start + k * step];
            p.Output[start + k * step] = sum;
        }
    }
}

/// <summary>The cumulative sum on the processor, with a float64 sum; see <see cref="CumulativeSumPortable"/>.</summary>
internal unsafe struct CumulativeSumVectorized : IBlockKernel
{
    public float* Input;  // [outer, Length, Inner]
    public float* Output; // [outer, Length, Inner]
    public int Length;
    public int Inner;
    public int Reverse;
    public int Rows;
    public int RowsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            int outer = row / Inner;
            long start = (long)outer * Length * Inner + (row - outer * Inner), step = Inner;
            if (Reverse != 0)
            {
                start += (Length - 1) * step;
                step = -step;
            }

            double sum = 0;
            for (int k = 0; k < Length; k++)
                Output[start + k * step] = (float)(sum += Input[start + k * step]);
        }
    }
}
