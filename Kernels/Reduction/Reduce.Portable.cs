using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// First stage of a reduction over the middle axis: each chunk of a row becomes one number. A group takes <see cref="Columns"/> neighbouring rows, whose
/// elements are neighbours in memory, and shares the chunk among the threads that are left; their results are combined by a tree in shared memory, so the order
/// is always the same.
/// </summary>
internal struct ReducePortable<TElement, TReduction> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TReduction : unmanaged, IReduction<TReduction>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> Input; // [outer, Length, Inner]
    public ArrayView<float> Centre;   // [outer, Inner], or empty for zeros
    public ArrayView<float> Partial;  // [outer, Chunks, Inner]
    public int Length;
    public int Inner;
    public int Chunks;
    public int ChunkLength;
    public int Columns; // a power of two, at most GroupSize

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Partial.Length / Inner * ((Inner + Columns - 1) / Columns);

    /// <summary>Grid: outer · chunks × (inner / columns, rounded up).</summary>
    public static void Kernel(ReducePortable<TElement, TReduction> p)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupSize);
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, (p.Inner + p.Columns - 1) / p.Columns), row = GroupPlace.Of(at.Outer, p.Chunks);
        int thread = Group.IdxX, lane = thread / p.Columns, column = at.Inner * p.Columns + thread - lane * p.Columns;
        int first = row.Inner * p.ChunkLength, end = IntrinsicMath.Min(p.Length, first + p.ChunkLength);
        float total = TReduction.Identity;
        if (column < p.Inner)
        {
            float centre = 0f;
            if (p.Centre.Length > 0)
                centre = p.Centre[(long)row.Outer * p.Inner + column];
            for (int k = first + lane; k < end; k += GroupSize / p.Columns)
                total = TReduction.Combine(total, TReduction.Map(TElement.ToSingle(p.Input[((long)row.Outer * p.Length + k) * p.Inner + column]), centre));
        }

        shared[thread] = total;
        for (int half = GroupSize / 2; half >= p.Columns; half >>= 1)
        {
            Group.Barrier();
            if (thread < half)
                shared[thread] = TReduction.Combine(shared[thread], shared[thread + half]);
        }

        if (thread < p.Columns && column < p.Inner)
            p.Partial[(long)at.Outer * p.Inner + column] = shared[thread];
    }
}

/// <summary>Second stage of a reduction: the chunks of each row in order; one thread per row.</summary>
internal struct ReduceChunksPortable<TElement, TReduction> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TReduction : unmanaged, IReduction<TReduction>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<float> Partial;   // [outer, Chunks, Inner]
    public ArrayView<float> Centre;    // [outer, Inner], or empty for zeros
    public ArrayView<TElement> Output; // [outer, Inner]
    public int Inner;
    public int Chunks;
    public float Scale;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (Output.Length + GroupSize - 1) / GroupSize;

    /// <summary>Grid: outer · inner / <see cref="GroupSize"/>, rounded up.</summary>
    public static void Kernel(ReduceChunksPortable<TElement, TReduction> p)
    {
        long i = (long)(p.FirstGroup + Grid.IdxX) * GroupSize + Group.IdxX;
        if (i < p.Output.Length)
        {
            long outer = i / p.Inner, start = outer * p.Chunks * p.Inner + (i - outer * p.Inner);
            float total = TReduction.Identity, centre = 0f;
            for (int chunk = 0; chunk < p.Chunks; chunk++)
                total = TReduction.Combine(total, p.Partial[start + (long)chunk * p.Inner]);
            if (p.Centre.Length > 0)
                centre = p.Centre[i];
            p.Output[i] = TElement.FromSingle(TReduction.Finish(total, centre, p.Scale));
        }
    }
}
