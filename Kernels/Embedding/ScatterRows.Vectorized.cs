using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// The gradient of a lookup with SIMD; see <see cref="ScatterRowsPortable{TElement}"/>. A block owns some output rows and columns, goes through the whole
/// index, and adds up what belongs to it in float32.
/// </summary>
internal unsafe struct ScatterRowsVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>The most columns of a block.</summary>
    public const int ColumnsPerBlock = 4096;

    /// <summary>The sums that a block keeps on its stack: 128 KB, half of a core's second-level cache or less.</summary>
    public const int SumsPerBlock = 32768;

    public TElement* Input;  // [batch, Rows, dim]
    public int* Index;       // [batch, Rows, IndexStride]: which output row
    public TElement* Output; // [batch, OutputRows, dim]
    public int Batch;
    public int Rows;         // per batch
    public int OutputRows;   // per batch
    public int Dim;
    public int IndexStride;  // 2 for 64-bit indices, see RowIndex
    public int RowsPerBlock;
    public float Scale;

    /// <summary>Blocks per batch along the output rows.</summary>
    public readonly int RowBlocks => (OutputRows + RowsPerBlock - 1) / RowsPerBlock;

    /// <summary>Blocks along the columns.</summary>
    public readonly int ColumnBlocks => (Dim + ColumnsPerBlock - 1) / ColumnsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => checked(Batch * RowBlocks * ColumnBlocks);

    public readonly void Execute(int block)
    {
        int firstColumn = block % ColumnBlocks * ColumnsPerBlock, columns = Math.Min(ColumnsPerBlock, Dim - firstColumn);
        int rowBlock = block / ColumnBlocks % RowBlocks, batch = block / ColumnBlocks / RowBlocks;
        int firstRow = rowBlock * RowsPerBlock, rows = Math.Min(RowsPerBlock, OutputRows - firstRow);
        int width = (columns + ElementVector.Width - 1) / ElementVector.Width * ElementVector.Width;
        float* sums = stackalloc float[rows * width];
        new Span<float>(sums, rows * width).Clear();
        for (int r = 0; r < Rows; r++)
        {
            long position = (long)batch * Rows + r;
            int row = RowIndex.Read(Index, position, IndexStride) - firstRow;
            if ((uint)row < (uint)rows)
                Add(Input + position * Dim + firstColumn, sums + row * width, columns);
        }

        Vector512<float> scale = Vector512.Create(Scale);
        for (int row = 0; row < rows; row++)
        {
            TElement* output = Output + ((long)batch * OutputRows + firstRow + row) * Dim + firstColumn;
            for (int c = 0; c < columns; c += ElementVector.Width)
                ElementVector.Store(Vector512.Load(sums + row * width + c) * scale, output + c, columns - c);
        }
    }

    private static void Add(TElement* input, float* sums, int columns)
    {
        for (int c = 0; c < columns; c += ElementVector.Width)
            (Vector512.Load(sums + c) + ElementVector.Load(input + c, columns - c)).Store(sums + c);
    }
}
