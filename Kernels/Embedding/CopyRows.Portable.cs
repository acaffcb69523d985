using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Copies rows: output row (b, r) is scale · an input row of batch b, the one that an index names or the r-th from a start on. A masked row, or one that
/// lies outside the input, is zero. Embedding, gather, slice, concatenation, padding and row masks are all this.
/// </summary>
internal struct CopyRowsPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> Input;  // [batch or 1, InputRows, dim]
    public ArrayView<int> Index;       // [batch, Rows, IndexStride]: which input row; or empty
    public ArrayView<byte> Mask;       // [batch, Rows]: 0 where the result is zero; or empty
    public ArrayView<TElement> Output; // [batch, OutputRows, dim]
    public CopyRowsShape Shape;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (long)Shape.Rows * Shape.Batch * ((Shape.Dim + GroupSize - 1) / GroupSize);

    /// <summary>Grid: batch · rows per batch × (dim / <see cref="GroupSize"/> rounded up).</summary>
    public static void Kernel(CopyRowsPortable<TElement> p)
    {
        CopyRowsShape shape = p.Shape;
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, (shape.Dim + GroupSize - 1) / GroupSize), place = GroupPlace.Of(at.Outer, shape.Rows);
        int batch = place.Outer, column = at.Inner * GroupSize + Group.IdxX;
        long position = at.Outer;
        int row = p.Index.Length > 0 ? RowIndex.Read(p.Index, position, shape.IndexStride) : shape.InputStart + place.Inner;
        bool isCopied = row >= 0 && row < shape.InputRows && (p.Mask.Length == 0 || p.Mask[position] != 0);
        if (column < shape.Dim)
        {
            float value = 0f;
            if (isCopied)
                value = shape.Scale * TElement.ToSingle(p.Input[shape.InputOffset(batch, row) + column]);
            p.Output[shape.OutputOffset(batch, place.Inner) + column] = TElement.FromSingle(value);
        }
    }
}
