using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// First stage of a sum over rows, as the gradients of gains, shifts and biases need it: each chunk of rows is summed per column,
/// partial[chunk, c] = Σ left[r, c] · (right[r, c] − centre[r]) · factor[r]. The chunks are fixed and their sums are added in order, so the result is the
/// same in every run.
/// </summary>
internal struct SumRowsPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group, one for each column.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> Left;    // [rows, dim]
    public ArrayView<TElement> Right;   // [rows, dim], or empty for ones
    public ArrayView<float> Statistics; // [rows, 2]: centre, factor; or empty for 0, 1
    public ArrayView<float> Partial;    // [groups · chunks, dim]
    public int Dim;
    public int RowsPerGroup;
    public int RowsPerChunk;
    public int Chunks; // per group

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Partial.Length / Dim * ((Dim + GroupSize - 1) / GroupSize);

    /// <summary>Grid: groups · chunks × (dim / <see cref="GroupSize"/> rounded up).</summary>
    public static void Kernel(SumRowsPortable<TElement> p)
    {
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, (p.Dim + GroupSize - 1) / GroupSize);
        int column = at.Inner * GroupSize + Group.IdxX;
        int group = at.Outer / p.Chunks, chunk = at.Outer % p.Chunks;
        int first = chunk * p.RowsPerChunk, end = IntrinsicMath.Min(p.RowsPerGroup, first + p.RowsPerChunk);
        if (column < p.Dim)
        {
            float sum = 0f;
            for (int r = first; r < end; r++)
            {
                long row = (long)group * p.RowsPerGroup + r, i = row * p.Dim + column;
                float term = TElement.ToSingle(p.Left[i]);
                if (p.Right.Length > 0)
                {
                    float factor = TElement.ToSingle(p.Right[i]);
                    if (p.Statistics.Length > 0)
                        factor = (factor - p.Statistics[2 * row]) * p.Statistics[2 * row + 1];
                    term *= factor;
                }

                sum += term;
            }

            p.Partial[(long)at.Outer * p.Dim + column] = sum;
        }
    }
}

/// <summary>Second stage of a sum over rows: output[group, c] = Σ partial[group, chunk, c], the chunks in order.</summary>
internal struct FoldRowsPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group, one for each column.</summary>
    public const int GroupSize = 64;

    public ArrayView<float> Partial;    // [groups, chunks, dim]
    public ArrayView<TElement> Output;  // [groups, dim]
    public int Dim;
    public int Chunks;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Output.Length / Dim * ((Dim + GroupSize - 1) / GroupSize);

    /// <summary>Grid: groups × (dim / <see cref="GroupSize"/> rounded up).</summary>
    public static void Kernel(FoldRowsPortable<TElement> p)
    {
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, (p.Dim + GroupSize - 1) / GroupSize);
        int column = at.Inner * GroupSize + Group.IdxX;
        if (column < p.Dim)
        {
            float sum = 0f;
            for (int chunk = 0; chunk < p.Chunks; chunk++)
                sum += p.Partial[((long)at.Outer * p.Chunks + chunk) * p.Dim + column];
            p.Output[(long)at.Outer * p.Dim + column] = TElement.FromSingle(sum);
        }
    }
}
