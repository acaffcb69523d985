using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>The sum of each segment of consecutive numbers, times a factor, with SIMD: one segment per block.</summary>
internal unsafe struct FoldSegmentsVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public float* Partial;   // [segments, Length]
    public TElement* Output; // [segments]
    public int Length;
    public float Factor;
    public int Groups;     // segments

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => Groups;

    public readonly void Execute(int block)
    {
        Float32* partial = (Float32*)Partial + (long)block * Length;
        Vector512<float> sums = default;
        for (int i = 0; i < Length; i += ElementVector.Width)
            sums += ElementVector.Load(partial + i, Length - i);
        Output[block] = TElement.FromSingle(Vector512.Sum(sums) * Factor);
    }
}
