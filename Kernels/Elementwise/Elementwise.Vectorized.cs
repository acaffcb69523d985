using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>output[i] = f(left[i], right[i]) with SIMD, <see cref="ElementsPerBlock"/> elements per block.</summary>
internal unsafe struct ElementwiseVectorized<TInput, TOutput, TOperation> : IBlockKernel
    where TInput : unmanaged, IElement<TInput>
    where TOutput : unmanaged, IElement<TOutput>
    where TOperation : unmanaged, IElementwiseOperation<TOperation>
{
    public TInput* Left;    // [count]
    public TInput* Right;   // [count], or null for a function of one number
    public TOutput* Output; // [count]
    public long Count;
    public int ElementsPerBlock;
    public TOperation Operation;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => checked((int)((Count + ElementsPerBlock - 1) / ElementsPerBlock));

    public readonly void Execute(int block)
    {
        long start = (long)block * ElementsPerBlock;
        int count = (int)Math.Min(ElementsPerBlock, Count - start);
        TInput* left = Left + start, right = Right + start;
        TOutput* output = Output + start;
        for (int i = 0; i < count; i += ElementVector.Width)
        {
            int lanes = count - i;
            Vector512<float> second = TOperation.IsBinary ? ElementVector.Load(right + i, lanes) : default;
            ElementVector.Store(TOperation.Apply(Operation, ElementVector.Load(left + i, lanes), second), output + i, lanes);
        }
    }
}
