using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Copies rows: output row (b, r) is scale · an input row of batch b, the one that an index names or the r-th from a start on. A masked row, or one that
/// lies outside the input, is zero. Embedding, gather, slice, concatenation, padding and row masks are all this.
/// </summary>
internal struct CopyRowsPortable<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> Input;  // [batch or 1, InputRows, dim]
    public ArrayView<int> Index;       // [batch, Rows, IndexStride]: which input row; or empty
    public ArrayView<byte> Mask;       // [batch, Rows]: 0 where the result is zero; or empty
    public ArrayView<TElement> Output; // [batch, OutputRows, dim]
    public CopyRowsShape Shape;

    /// <summary>Grid: rows per batch, batch, dim / <see cref="GroupSize"/> rounded up.</summary>
    public static void Kernel(CopyRowsPortable<TElement> p)
    {
        CopyRowsShape shape = p.Shape;
        int batch = Grid.IdxY, column = Grid.IdxZ * GroupSize + Group.IdxX;
        long position = (long)batch * shape.Rows + Grid.IdxX;
        int row = p.Index.Length > 0 ? RowIndex.Read(p.Index, position, shape.IndexStride) : shape.InputStart + Grid.IdxX;
        bool isCopied = row >= 0 && row < shape.InputRows && (p.Mask.Length == 0 || p.Mask[position] != 0);
        if (column < shape.Dim)
        {
            float value = 0f;
            if (isCopied)
                value = shape.Scale * TElement.ToSingle(p.Input[shape.InputOffset(batch, row) + column]);
            p.Output[shape.OutputOffset(batch, Grid.IdxX) + column] = TElement.FromSingle(value);
        }
    }
}
