using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>output[i] = f(left[i], right[i]), some elements per thread, the threads of a group reading side by side.</summary>
internal struct ElementwisePortable<TInput, TOutput, TOperation> : IGridKernel
    where TInput : unmanaged, IElement<TInput>
    where TOutput : unmanaged, IElement<TOutput>
    where TOperation : unmanaged, IElementwiseOperation<TOperation>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    /// <summary>Elements that one group computes.</summary>
    public const int ElementsPerGroup = 4 * GroupSize;

    public ArrayView<TInput> Left;    // [count]
    public ArrayView<TInput> Right;   // [count], or empty for a function of one number
    public ArrayView<TOutput> Output; // [count]
    public TOperation Operation;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (Output.Length + ElementsPerGroup - 1) / ElementsPerGroup;

    /// <summary>Grid: count / <see cref="ElementsPerGroup"/> groups, rounded up.</summary>
    public static void Kernel(ElementwisePortable<TInput, TOutput, TOperation> p)
    {
        long start = (long)(p.FirstGroup + Grid.IdxX) * ElementsPerGroup;
        long end = IntrinsicMath.Min(start + ElementsPerGroup, p.Output.Length);
        for (long i = start + Group.IdxX; i < end; i += GroupSize)
        {
            float right = TOperation.IsBinary ? TInput.ToSingle(p.Right[i]) : 0f;
            p.Output[i] = TOutput.FromSingle(TOperation.Apply(p.Operation, TInput.ToSingle(p.Left[i]), right));
        }
    }
}
