using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Copies rows with SIMD: output row (b, r) is scale · an input row of batch b, or zero; see <see cref="CopyRowsPortable{TElement}"/>.</summary>
internal unsafe struct CopyRowsVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Input;  // [batch or 1, InputRows, dim]
    public int* Index;       // [batch, Rows, IndexStride] or null
    public byte* Mask;       // [batch, Rows] or null
    public TElement* Output; // [batch, OutputRows, dim]
    public CopyRowsShape Shape;
    public int RowsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (checked(Shape.Batch * Shape.Rows) + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Shape.Batch * Shape.Rows, (block + 1) * RowsPerBlock);
        for (int position = block * RowsPerBlock; position < end; position++)
        {
            int batch = position / Shape.Rows, outputRow = position - batch * Shape.Rows;
            int row = Index != null ? RowIndex.Read(Index, position, Shape.IndexStride) : Shape.InputStart + outputRow;
            bool isCopied = row >= 0 && row < Shape.InputRows && (Mask == null || Mask[position] != 0);
            TElement* target = Output + Shape.OutputOffset(batch, outputRow);
            if (isCopied)
                Copy(Input + Shape.InputOffset(batch, row), target);
            else
                new Span<TElement>(target, Shape.Dim).Clear();
        }
    }

    private readonly void Copy(TElement* source, TElement* target)
    {
        if (Shape.Scale == 1f)
        {
            new ReadOnlySpan<TElement>(source, Shape.Dim).CopyTo(new Span<TElement>(target, Shape.Dim));
            return;
        }

        Vector512<float> scale = Vector512.Create(Shape.Scale);
        for (int c = 0; c < Shape.Dim; c += ElementVector.Width)
            ElementVector.Store(scale * ElementVector.Load(source + c, Shape.Dim - c), target + c, Shape.Dim - c);
    }
}
