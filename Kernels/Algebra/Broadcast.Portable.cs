using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// output = f(first, second, third), the operands broadcast to the output's shape; some elements per thread, the threads of a group side by side. The first
/// operand and the output may be stored otherwise than the other operands: as flags.
/// </summary>
internal struct BroadcastPortable<TFirst, TElement, TOutput, TMap> : IGridKernel
    where TFirst : unmanaged, IElement<TFirst>
    where TElement : unmanaged, IElement<TElement>
    where TOutput : unmanaged, IElement<TOutput>
    where TMap : unmanaged, IBroadcastMap<TMap>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    /// <summary>Elements that one group computes.</summary>
    public const int ElementsPerGroup = 4 * GroupSize;

    public ArrayView<TFirst> First;
    public ArrayView<TElement> Second; // or empty
    public ArrayView<TElement> Third;  // or empty
    public ArrayView<TOutput> Output; // [rows, inner]
    public BroadcastWalk Walk;
    public TMap Map;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (Output.Length + ElementsPerGroup - 1) / ElementsPerGroup;

    /// <summary>Grid: rows · inner / <see cref="ElementsPerGroup"/> groups, rounded up.</summary>
    public static void Kernel(BroadcastPortable<TFirst, TElement, TOutput, TMap> p)
    {
        long start = (long)(p.FirstGroup + Grid.IdxX) * ElementsPerGroup;
        long end = IntrinsicMath.Min(start + ElementsPerGroup, p.Output.Length);
        for (long i = start + Group.IdxX; i < end; i += GroupSize)
        {
            int row = (int)(i / p.Walk.Inner);
            long column = i - row * p.Walk.Inner;
            float x = TFirst.ToSingle(p.First[BroadcastStrides.Row(p.Walk.First, p.Walk.Axes, row) + column * p.Walk.First.Inner]), y = 0f, z = 0f;
            if (TMap.Operands > 1)
                y = TElement.ToSingle(p.Second[BroadcastStrides.Row(p.Walk.Second, p.Walk.Axes, row) + column * p.Walk.Second.Inner]);
            if (TMap.Operands > 2)
                z = TElement.ToSingle(p.Third[BroadcastStrides.Row(p.Walk.Third, p.Walk.Axes, row) + column * p.Walk.Third.Inner]);
            p.Output[i] = TOutput.FromSingle(TMap.Apply(p.Map, x, y, z));
        }
    }
}
