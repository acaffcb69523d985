using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>y = exp(x − max) / Σ exp(x − max), one row per group of threads; zero for a row that is −∞ everywhere.</summary>
internal struct SoftmaxPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Input;  // [rows, dim]
    public ArrayView<TElement> Output; // [rows, dim]
    public int Dim;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Output.Length / Dim;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(SoftmaxPortable<TElement> p)
    {
        int thread = Group.IdxX;
        long row = (long)(p.FirstGroup + Grid.IdxX) * p.Dim;
        float largest = float.NegativeInfinity;
        for (int c = thread; c < p.Dim; c += GroupSize)
            largest = IntrinsicMath.Max(largest, TElement.ToSingle(p.Input[row + c]));
        largest = GroupReduce.Max(largest);

        // −∞ − −∞ would be NaN; minus anything finite it is −∞, whose exponential is zero.
        if (largest == float.NegativeInfinity)
            largest = 0f;

        float sum = 0f;
        for (int c = thread; c < p.Dim; c += GroupSize)
            sum += SpecialFunctions.Exp(TElement.ToSingle(p.Input[row + c]) - largest);
        sum = GroupReduce.Sum(sum);
        float scale = sum == 0f ? 0f : 1f / sum;

        for (int c = thread; c < p.Dim; c += GroupSize)
            p.Output[row + c] = TElement.FromSingle(SpecialFunctions.Exp(TElement.ToSingle(p.Input[row + c]) - largest) * scale);
    }
}
