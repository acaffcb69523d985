using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>partial[g] = Σ x² over the g-th <see cref="ElementsPerPartial"/> elements: the first stage of a norm, the same partials on every device.</summary>
internal struct SumOfSquaresPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per partial sum.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    /// <summary>How many elements one partial sum covers; part of the operator's contract, not a tuning number of one variant.</summary>
    public const int ElementsPerPartial = 4096;

    public ArrayView<TElement> Input; // [count]
    public ArrayView<float> Partials; // [count / ElementsPerPartial, rounded up]

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Partials.Length;

    /// <summary>Grid: one group per partial sum.</summary>
    public static void Kernel(SumOfSquaresPortable<TElement> p)
    {
        int group = p.FirstGroup + Grid.IdxX;
        long start = (long)group * ElementsPerPartial;
        long end = IntrinsicMath.Min(start + ElementsPerPartial, p.Input.Length);
        float sum = 0f;
        for (long i = start + Group.IdxX; i < end; i += GroupSize)
        {
            float value = TElement.ToSingle(p.Input[i]);
            sum += value * value;
        }

        sum = GroupReduce.Sum(sum);
        if (Group.IdxX == 0)
            p.Partials[group] = sum;
    }
}
