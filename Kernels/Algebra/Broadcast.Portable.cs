using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>output = f(first, second, third), the operands broadcast to the output's shape; some elements per thread, the threads of a group side by side.</summary>
internal struct BroadcastPortable<TElement, TMap> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TMap : unmanaged, IBroadcastMap<TMap>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    /// <summary>Elements that one group computes.</summary>
    public const int ElementsPerGroup = 4 * GroupSize;

    public ArrayView<TElement> First;
    public ArrayView<TElement> Second; // or empty
    public ArrayView<TElement> Third;  // or empty
    public ArrayView<TElement> Output; // [rows, inner]
    public BroadcastStrides FirstStrides;
    public BroadcastStrides SecondStrides;
    public BroadcastStrides ThirdStrides;
    public BroadcastAxes Axes;
    public long Inner;
    public TMap Map;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: rows · inner / <see cref="ElementsPerGroup"/> groups, rounded up.</summary>
    public static void Kernel(BroadcastPortable<TElement, TMap> p)
    {
        long start = (long)(p.FirstGroup + Grid.IdxX) * ElementsPerGroup;
        long end = IntrinsicMath.Min(start + ElementsPerGroup, p.Output.Length);
        for (long i = start + Group.IdxX; i < end; i += GroupSize)
        {
            int row = (int)(i / p.Inner);
            long column = i - row * p.Inner;
            float x = TElement.ToSingle(p.First[BroadcastStrides.Row(p.FirstStrides, p.Axes, row) + column * p.FirstStrides.Inner]), y = 0f, z = 0f;
            if (TMap.Operands > 1)
                y = TElement.ToSingle(p.Second[BroadcastStrides.Row(p.SecondStrides, p.Axes, row) + column * p.SecondStrides.Inner]);
            if (TMap.Operands > 2)
                z = TElement.ToSingle(p.Third[BroadcastStrides.Row(p.ThirdStrides, p.Axes, row) + column * p.ThirdStrides.Inner]);
            p.Output[i] = TElement.FromSingle(TMap.Apply(p.Map, x, y, z));
        }
    }
}
