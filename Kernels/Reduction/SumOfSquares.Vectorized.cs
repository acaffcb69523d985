using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>partial[b] = Σ x² over the b-th <see cref="SumOfSquaresPortable{TElement}.ElementsPerPartial"/> elements, with SIMD.</summary>
internal unsafe struct SumOfSquaresVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Input; // [count]
    public float* Partials; // [count / ElementsPerPartial, rounded up]
    public long Count;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks
        => checked((int)((Count + SumOfSquaresPortable<TElement>.ElementsPerPartial - 1) / SumOfSquaresPortable<TElement>.ElementsPerPartial));

    public readonly void Execute(int block)
    {
        long start = (long)block * SumOfSquaresPortable<TElement>.ElementsPerPartial;
        int count = (int)Math.Min(SumOfSquaresPortable<TElement>.ElementsPerPartial, Count - start);
        TElement* input = Input + start;
        Vector512<float> sums = default;
        for (int i = 0; i < count; i += ElementVector.Width)
        {
            Vector512<float> values = ElementVector.Load(input + i, count - i);
            sums = Vector512.FusedMultiplyAdd(values, values, sums);
        }

        Partials[block] = Vector512.Sum(sums);
    }
}
