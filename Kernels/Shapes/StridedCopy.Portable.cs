using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// output[place] = input[place], each with strides of its own: transposed, cut, joined and repeated tensors. With an index, output[place] = input[place +
/// index[place] · step]. What is stored is copied as it is, so the unit is an unsigned integer of its size. Some elements per thread, the threads of a group
/// side by side.
/// </summary>
internal struct StridedCopyPortable<TUnit> : IGridKernel
    where TUnit : unmanaged
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    /// <summary>Elements that one group copies.</summary>
    public const int ElementsPerGroup = 4 * GroupSize;

    public ArrayView<TUnit> Input;
    public ArrayView<int> Index; // 32 or 64 bits each, see RowIndex; or empty
    public ArrayView<TUnit> Output;
    public StridedLengths Lengths;
    public StridedSteps InputSteps;
    public StridedSteps IndexSteps;
    public StridedSteps OutputSteps;
    public long Count;
    public long Step;       // how far apart in the input neighbouring indices are
    public int IndexStride; // 2 for 64-bit indices

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: count / <see cref="ElementsPerGroup"/> groups, rounded up.</summary>
    public static void Kernel(StridedCopyPortable<TUnit> p)
    {
        long start = (long)(p.FirstGroup + Grid.IdxX) * ElementsPerGroup;
        long end = IntrinsicMath.Min(start + ElementsPerGroup, p.Count);
        for (long i = start + Group.IdxX; i < end; i += GroupSize)
        {
            StridedPlace at = StridedPlace.Of(p.Lengths, i);
            long source = StridedSteps.At(p.InputSteps, at);
            if (p.Index.Length > 0)
                source += p.Step * RowIndex.Read(p.Index, StridedSteps.At(p.IndexSteps, at), p.IndexStride);
            p.Output[StridedSteps.At(p.OutputSteps, at)] = p.Input[source];
        }
    }
}
