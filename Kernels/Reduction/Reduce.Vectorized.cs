using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// First stage of a reduction over the middle axis with SIMD: along the axis where it is the innermost, else along the rows; see
/// <see cref="ReducePortable{TElement, TReduction}"/>.
/// </summary>
internal unsafe struct ReduceVectorized<TElement, TReduction> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
    where TReduction : unmanaged, IReduction<TReduction>
{
    public TElement* Input; // [outer, Length, Inner]
    public float* Centre;   // [outer, Inner], or null for zeros
    public float* Partial;  // [outer, Chunks, Inner]
    public int Length;
    public int Inner;
    public int Chunks;
    public int ChunkLength;
    public int PartialRows; // outer · Chunks
    public int PartialRowsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (PartialRows + PartialRowsPerBlock - 1) / PartialRowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(PartialRows, (block + 1) * PartialRowsPerBlock);
        for (int i = block * PartialRowsPerBlock; i < end; i++)
        {
            int outer = i / Chunks, first = (i - outer * Chunks) * ChunkLength, length = Math.Min(ChunkLength, Length - first);
            TElement* input = Input + ((long)outer * Length + first) * Inner;
            float* centre = Centre == null ? null : Centre + (long)outer * Inner;
            if (Inner == 1)
                Partial[i] = Row(input, centre, length);
            else
                Rows(input, centre, length, Partial + (long)i * Inner);
        }
    }

    private static float Row(TElement* input, float* centre, int length)
    {
        Vector512<float> c = Vector512.Create(centre == null ? 0f : *centre), totals = Vector512.Create(TReduction.Identity);
        for (int k = 0; k < length; k += ElementVector.Width)
        {
            Vector512<float> mapped = TReduction.Map(ElementVector.Load(input + k, length - k), c);
            totals = TReduction.Combine(totals, length - k >= ElementVector.Width ? mapped : ElementVector.Keep(mapped, length - k, TReduction.Identity));
        }

        float total = totals[0];
        for (int lane = 1; lane < ElementVector.Width; lane++)
            total = TReduction.Combine(total, totals[lane]);
        return total;
    }

    private readonly void Rows(TElement* input, float* centre, int length, float* partial)
    {
        for (int column = 0; column < Inner; column += ElementVector.Width)
        {
            int lanes = Inner - column;
            Vector512<float> c = centre == null
                ? default
                : ElementVector.Load((Float32*)centre + column, lanes), totals = Vector512.Create(TReduction.Identity);
            for (int k = 0; k < length; k++)
                totals = TReduction.Combine(totals, TReduction.Map(ElementVector.Load(input + (long)k * Inner + column, lanes), c));
            ElementVector.Store(totals, (Float32*)partial + column, lanes);
        }
    }
}

/// <summary>Second stage of a reduction: the chunks of each row in order.</summary>
internal unsafe struct ReduceChunksVectorized<TElement, TReduction> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
    where TReduction : unmanaged, IReduction<TReduction>
{
    public float* Partial;   // [outer, Chunks, Inner]
    public float* Centre;    // [outer, Inner], or null for zeros
    public TElement* Output; // [outer, Inner]
    public int Inner;
    public int Chunks;
    public long Count;
    public int ElementsPerBlock;
    public float Scale;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => checked((int)((Count + ElementsPerBlock - 1) / ElementsPerBlock));

    public readonly void Execute(int block)
    {
        long end = Math.Min(Count, ((long)block + 1) * ElementsPerBlock);
        for (long i = (long)block * ElementsPerBlock; i < end; i++)
        {
            long outer = i / Inner, start = outer * Chunks * Inner + (i - outer * Inner);
            float total = TReduction.Identity;
            for (int chunk = 0; chunk < Chunks; chunk++)
                total = TReduction.Combine(total, Partial[start + (long)chunk * Inner]);
            Output[i] = TElement.FromSingle(TReduction.Finish(total, Centre == null ? 0f : Centre[i], Scale));
        }
    }
}
