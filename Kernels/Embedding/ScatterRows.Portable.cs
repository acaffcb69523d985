using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// The gradient of a lookup: output row v of batch b is scale · the sum of the input rows r with index[b, r] = v, and zero where there is none. Each output
/// row searches the index for itself, in a fixed order, so no atomics are needed and the result is the same in every run.
/// </summary>
internal struct ScatterRowsPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    /// <summary>Columns that one group computes, four per thread.</summary>
    public const int ColumnsPerGroup = 4 * GroupSize;

    // Indices that each thread compares before the group meets; one bit for each.
    private const int IndicesPerThread = 16;

    public ArrayView<TElement> Input;  // [batch, Rows, dim]
    public ArrayView<int> Index;       // [batch, Rows, IndexStride]: which output row
    public ArrayView<TElement> Output; // [batch, OutputRows, dim]
    public int Rows;                   // per batch
    public int OutputRows;             // per batch
    public int Dim;
    public int IndexStride;            // 2 for 64-bit indices, see RowIndex
    public float Scale;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Output.Length / Dim * ((Dim + ColumnsPerGroup - 1) / ColumnsPerGroup);

    /// <summary>Grid: batch · output rows × (dim / <see cref="ColumnsPerGroup"/> rounded up).</summary>
    public static void Kernel(ScatterRowsPortable<TElement> p)
    {
        ArrayView<int> matches = SharedMemory.Allocate<int>(GroupSize);
        GroupPlace at = GroupPlace.Of(p.FirstGroup + Grid.IdxX, (p.Dim + ColumnsPerGroup - 1) / ColumnsPerGroup), row = GroupPlace.Of(at.Outer, p.OutputRows);
        int thread = Group.IdxX, column = at.Inner * ColumnsPerGroup + thread;
        long batchRow = (long)row.Outer * p.Rows;
        float sum0 = 0f, sum1 = 0f, sum2 = 0f, sum3 = 0f;
        for (int first = 0; first < p.Rows; first += GroupSize * IndicesPerThread)
        {
            matches[thread] = p.FindMatches(batchRow, first + thread, row.Inner);
            Group.Barrier();
            for (int owner = 0; owner < GroupSize; owner++)
            {
                int found = matches[owner];
                for (int k = 0; found != 0; k++)
                {
                    if ((found & 1) != 0)
                    {
                        long start = (batchRow + first + k * GroupSize + owner) * p.Dim;
                        sum0 += p.Read(start, column);
                        sum1 += p.Read(start, column + GroupSize);
                        sum2 += p.Read(start, column + 2 * GroupSize);
                        sum3 += p.Read(start, column + 3 * GroupSize);
                    }

                    found >>= 1;
                }
            }

            // The next round overwrites the matches.
            Group.Barrier();
        }

        long output = (long)at.Outer * p.Dim;
        p.Write(output, column, sum0);
        p.Write(output, column + GroupSize, sum1);
        p.Write(output, column + 2 * GroupSize, sum2);
        p.Write(output, column + 3 * GroupSize, sum3);
    }

    private readonly int FindMatches(long batchRow, int first, int wanted)
    {
        int found = 0;
        for (int k = 0; k < IndicesPerThread; k++)
        {
            int row = first + k * GroupSize;
            if (row < Rows && RowIndex.Read(Index, batchRow + row, IndexStride) == wanted)
                found |= 1 << k;
        }

        return found;
    }

    private readonly float Read(long row, int column) => column < Dim ? TElement.ToSingle(Input[row + column]) : 0f;

    private readonly void Write(long row, int column, float sum)
    {
        if (column < Dim)
            Output[row + column] = TElement.FromSingle(sum * Scale);
    }
}
