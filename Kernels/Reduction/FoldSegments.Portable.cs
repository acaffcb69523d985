using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>The sum of each segment of consecutive numbers, times a factor: how partial sums become one number.</summary>
internal struct FoldSegmentsPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per segment.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<float> Partial;   // [segments, Length]
    public ArrayView<TElement> Output; // [segments]
    public int Length;
    public float Factor;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Output.Length;

    /// <summary>Grid: one group per segment.</summary>
    public static void Kernel(FoldSegmentsPortable<TElement> p)
    {
        int segment = p.FirstGroup + Grid.IdxX;
        float sum = 0f;
        for (int i = Group.IdxX; i < p.Length; i += GroupSize)
            sum += p.Partial[(long)segment * p.Length + i];
        sum = GroupReduce.Sum(sum);
        if (Group.IdxX == 0)
            p.Output[segment] = TElement.FromSingle(sum * p.Factor);
    }
}
