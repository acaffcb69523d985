using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>y = x · (scale + offset) + shift, scale and shift being vectors for groups of rows; one thread per element.</summary>
internal struct ScaleAndShiftPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> Input;  // [rows, dim]
    public GainRowsPortable<TElement> Scale;
    public GainRowsPortable<TElement> Shift;
    public ArrayView<TElement> Output; // [rows, dim]
    public int Dim;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Output.Length / Dim * ((Dim + GroupSize - 1) / GroupSize);

    /// <summary>Grid: rows × (dim / <see cref="GroupSize"/> rounded up).</summary>
    public static void Kernel(ScaleAndShiftPortable<TElement> p)
    {
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, (p.Dim + GroupSize - 1) / GroupSize);
        int row = at.Outer, column = at.Inner * GroupSize + Group.IdxX;
        if (column < p.Dim)
        {
            long i = (long)row * p.Dim + column;
            float scaled = TElement.ToSingle(p.Input[i]) * GainRowsPortable<TElement>.Read(p.Scale, row, column);
            p.Output[i] = TElement.FromSingle(scaled + GainRowsPortable<TElement>.Read(p.Shift, row, column));
        }
    }
}
