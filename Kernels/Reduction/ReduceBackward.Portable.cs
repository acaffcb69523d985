using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>The way back through a reduction: dx = f(g, x, centre, count), what belongs to a row repeated along it. Four elements per thread.</summary>
internal struct ReduceBackwardPortable<TElement, TGradient> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TGradient : unmanaged, IReductionGradient<TGradient>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    /// <summary>Elements that one group computes.</summary>
    public const int ElementsPerGroup = 4 * GroupSize;

    public ArrayView<TElement> Gradient; // [outer, Inner]
    public ArrayView<TElement> Input;    // [outer, Length, Inner]
    public ArrayView<float> Centre;      // [outer, Inner], or empty for zeros
    public ArrayView<float> Ties;        // [outer, Inner], or empty for zeros
    public ArrayView<TElement> Output;   // [outer, Length, Inner]
    public int Length;
    public int Inner;
    public float Scale;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (Output.Length + ElementsPerGroup - 1) / ElementsPerGroup;

    /// <summary>Grid: elements / <see cref="ElementsPerGroup"/>, rounded up.</summary>
    public static void Kernel(ReduceBackwardPortable<TElement, TGradient> p)
    {
        long start = (long)(p.FirstGroup + Grid.IdxX) * ElementsPerGroup;
        long end = IntrinsicMath.Min(start + ElementsPerGroup, p.Output.Length);
        for (long i = start + Group.IdxX; i < end; i += GroupSize)
        {
            long before = i / p.Inner, row = before / p.Length * p.Inner + (i - before * p.Inner);
            float centre = 0f, ties = 0f;
            if (p.Centre.Length > 0)
                centre = p.Centre[row];
            if (p.Ties.Length > 0)
                ties = p.Ties[row];
            p.Output[i] = TElement.FromSingle(TGradient.Apply(TElement.ToSingle(p.Gradient[row]), TElement.ToSingle(p.Input[i]), centre, ties, p.Scale));
        }
    }
}
