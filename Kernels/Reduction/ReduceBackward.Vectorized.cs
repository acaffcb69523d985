using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>The way back through a reduction with SIMD; see <see cref="ReduceBackwardPortable{TElement, TGradient}"/>.</summary>
internal unsafe struct ReduceBackwardVectorized<TElement, TGradient> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
    where TGradient : unmanaged, IReductionGradient<TGradient>
{
    public TElement* Gradient; // [outer, Inner]
    public TElement* Input;    // [outer, Length, Inner]
    public float* Centre;      // [outer, Inner], or null for zeros
    public float* Ties;        // [outer, Inner], or null for zeros
    public TElement* Output;   // [outer, Length, Inner]
    public int Length;
    public int Inner;
    public long Count;
    public int ElementsPerBlock;
    public float Scale;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => checked((int)((Count + ElementsPerBlock - 1) / ElementsPerBlock));

    public readonly void Execute(int block)
    {
        long i = (long)block * ElementsPerBlock, end = Math.Min(i + ElementsPerBlock, Count);
        while (i < end)
        {
            // As far as the row's numbers stay the same, or as the rows are neighbours.
            long before = i / Inner, outer = before / Length, column = i - before * Inner;
            long stretch = Inner == 1 ? Length - (before - outer * Length) : Inner - column;
            int count = (int)Math.Min(stretch, end - i);
            Run(outer * Inner + column, i, count);
            i += count;
        }
    }

    private readonly void Run(long row, long i, int count)
    {
        for (int k = 0; k < count; k += ElementVector.Width)
        {
            int lanes = count - k;
            long at = Inner == 1 ? row : row + k;
            Vector512<float> gradient = Inner == 1 ? Vector512.Create(TElement.ToSingle(Gradient[row])) : ElementVector.Load(Gradient + at, lanes);
            Vector512<float> dx = TGradient.Apply(
                gradient, ElementVector.Load(Input + i + k, lanes), Statistic(Centre, at, lanes), Statistic(Ties, at, lanes), Scale);
            ElementVector.Store(dx, Output + i + k, lanes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly Vector512<float> Statistic(float* values, long at, int lanes)
        => values == null ? default : Inner == 1 ? Vector512.Create(values[at]) : ElementVector.Load((Float32*)values + at, lanes);
}
