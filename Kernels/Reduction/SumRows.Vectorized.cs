using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>First stage of a sum over rows with SIMD, one chunk per block; see <see cref="SumRowsPortable{TElement}"/>.</summary>
internal unsafe struct SumRowsVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Left;    // [rows, dim]
    public TElement* Right;   // [rows, dim], or null for ones
    public float* Statistics; // [rows, 2]: centre, factor; or null for 0, 1
    public float* Partial;    // [groups · chunks, dim]
    public int Dim;
    public int RowsPerGroup;
    public int RowsPerChunk;
    public int Chunks; // per group
    public int Groups;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => Groups * Chunks;

    public readonly void Execute(int block)
    {
        int group = block / Chunks, first = block % Chunks * RowsPerChunk, end = Math.Min(RowsPerGroup, first + RowsPerChunk);
        float* partial = Partial + (long)block * Dim;
        new Span<float>(partial, Dim).Clear();
        for (int r = first; r < end; r++)
            Add((long)group * RowsPerGroup + r, partial);
    }

    private readonly void Add(long row, float* partial)
    {
        TElement* left = Left + row * Dim, right = Right + row * Dim;
        Vector512<float> centre = Statistics == null ? default : Vector512.Create(Statistics[2 * row]);
        Vector512<float> factor = Statistics == null ? Vector512<float>.One : Vector512.Create(Statistics[2 * row + 1]);
        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            int lanes = Dim - c;
            Vector512<float> term = ElementVector.Load(left + c, lanes);
            if (Right != null)
                term *= (ElementVector.Load(right + c, lanes) - centre) * factor;
            ElementVector.Store(ElementVector.Load((Float32*)partial + c, lanes) + term, (Float32*)partial + c, lanes);
        }
    }
}

/// <summary>Second stage of a sum over rows with SIMD, one group of rows per block: output[group, c] = Σ partial[group, chunk, c].</summary>
internal unsafe struct FoldRowsVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public float* Partial;    // [groups, chunks, dim]
    public TElement* Output;  // [groups, dim]
    public int Dim;
    public int Chunks;
    public int Groups;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => Groups;

    public readonly void Execute(int block)
    {
        Float32* partial = (Float32*)Partial + (long)block * Chunks * Dim;
        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            Vector512<float> sum = default;
            for (int chunk = 0; chunk < Chunks; chunk++)
                sum += ElementVector.Load(partial + (long)chunk * Dim + c, Dim - c);
            ElementVector.Store(sum, Output + (long)block * Dim + c, Dim - c);
        }
    }
}
