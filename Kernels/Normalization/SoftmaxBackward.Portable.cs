using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>dx = y · (dy − Σ dy·y), one row per group of threads. Where y is zero, dy counts for nothing, whatever it holds.</summary>
internal struct SoftmaxBackwardPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> OutputGradient; // [rows, dim]
    public ArrayView<TElement> Output;         // [rows, dim]
    public ArrayView<TElement> InputGradient;  // [rows, dim]
    public int Dim;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Output.Length / Dim;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(SoftmaxBackwardPortable<TElement> p)
    {
        int thread = Group.IdxX;
        long row = (long)(p.FirstGroup + Grid.IdxX) * p.Dim;
        float sum = 0f;
        for (int c = thread; c < p.Dim; c += GroupSize)
        {
            float y = TElement.ToSingle(p.Output[row + c]), product = TElement.ToSingle(p.OutputGradient[row + c]) * y;
            sum += y == 0f ? 0f : product;
        }

        float common = GroupReduce.Sum(sum);
        for (int c = thread; c < p.Dim; c += GroupSize)
        {
            float y = TElement.ToSingle(p.Output[row + c]), gradient = y * (TElement.ToSingle(p.OutputGradient[row + c]) - common);
            p.InputGradient[row + c] = TElement.FromSingle(y == 0f ? 0f : gradient);
        }
    }
}
