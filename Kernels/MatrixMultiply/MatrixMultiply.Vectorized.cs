using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// C = (mask ? act(op(A) op(B) + bias) : 0) + residual, for one product or a batch of them. A block is 64 columns and <see cref="RowsPerBlock"/> rows of a C.
/// It packs its columns of B once per <see cref="DepthPerPanel"/> of the inner width (a panel stays in the second-level cache), and multiplies it with six rows
/// of A at a time, which are read where they are: their elements are broadcast, so they need no order.
/// </summary>
/// <remarks>
/// After Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008, with one level of blocking less: a panel of B is only 128 KB.
/// </remarks>
internal unsafe struct MatrixMultiplyVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>The most rows of C per block: what its partial sums may take of the stack.</summary>
    public const int MostRowsPerBlock = 192;

    /// <summary>The most of the inner width that is packed at once.</summary>
    public const int DepthPerPanel = 512;

    // With so few rows a panel would be used hardly more often than it costs to pack it.
    private const int FewRows = 4;

    // To align to a cache line; and a tile reads up to five elements behind the last row of a transposed A.
    private const int Slack = 16;

    public TElement* Left;  // [m, k], or [k, m] transposed
    public float* LeftRows; // op(A) as float32 rows [m, k], or null: then they are made from Left
    public TElement* Right; // [k, n], or [n, k] transposed
    public MatrixEpilogue<TElement> Epilogue;
    public int M;
    public int N;
    public int K;
    public int RowsPerBlock;
    public int TransposeLeft;
    public int TransposeRight;
    public MatrixBatch Batch;
    public int BlocksPerProduct;

    private readonly int Panels => (N + MatrixPanel.Width - 1) / MatrixPanel.Width;

    /// <summary>Block b computes column panel b % panels, so neighbours share the rows of A.</summary>
    public readonly void Execute(int block)
    {
        if (block < BlocksPerProduct)
        {
            ExecuteWithin(block);
            return;
        }

        MatrixMultiplyVectorized<TElement> one = this;
        GroupPlace within = GroupPlace.Of(block, BlocksPerProduct), product = GroupPlace.Of(within.Outer, Batch.Inner);
        long left = MatrixBatch.Left(Batch, product);
        one.Left += left;
        one.LeftRows = LeftRows == null ? null : LeftRows + left;
        one.Right += MatrixBatch.Right(Batch, product);
        one.Epilogue.Output += (long)within.Outer * M * N;
        if (Epilogue.Residual != null)
            one.Epilogue.Residual += (long)within.Outer * M * N;
        one.ExecuteWithin(within.Inner);
    }

    private readonly void ExecuteWithin(int block)
    {
        int column = block % Panels * MatrixPanel.Width;
        int row = block / Panels * RowsPerBlock;
        int columns = Math.Min(MatrixPanel.Width, N - column), rows = Math.Min(RowsPerBlock, M - row);
        if (TransposeRight != 0 && TransposeLeft == 0 && M <= FewRows)
            DotProducts(row, rows, column, columns);
        else
            PackAndMultiply(row, rows, column, columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void PackAndMultiply(int row, int rows, int column, int columns)
    {
        int chunks = Math.Max(1, (K + DepthPerPanel - 1) / DepthPerPanel), chunkDepth = (K + chunks - 1) / chunks;
        float* unaligned = stackalloc float[chunkDepth * MatrixPanel.Width + Slack];
        float* panel = Align(unaligned);
        float* left = stackalloc float[chunkDepth * MatrixPanel.Width + Slack];
        float* sums = stackalloc float[(chunks == 1 ? MatrixTile.Rows : rows + 3 * MatrixTile.Rows) * MatrixTile.Columns];
        int rowStep = LeftRows == null && TransposeLeft != 0 ? MatrixPanel.Width : MatrixTile.Rows;
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            // Between chunks the sums of all tiles wait in memory; with one chunk they only pass through, in one place.
            float* tile = sums;
            int from = chunk * chunkDepth, depth = Math.Min(chunkDepth, K - from);
            if (TransposeRight != 0)
                MatrixPanel.Transpose(Right + (long)column * K + from, K, depth, columns, panel);
            else
                MatrixPanel.Copy(Right + (long)from * N + column, N, depth, columns, panel);

            for (int r = 0; r < rows; r += rowStep)
            {
                int end = Math.Min(rows, r + rowStep);
                float* a = RowsOfLeft(row + r, end - r, from, depth, left, out nint aRow, out nint aColumn);
                for (int t = r; t < end; t += MatrixTile.Rows)
                {
                    Multiply(a + (t - r) * aRow, aRow, aColumn, panel, depth, tile, columns, chunk > 0);
                    if (chunk == chunks - 1)
                        Epilogue.Store(tile, row + t, Math.Min(MatrixTile.Rows, end - t), column, columns);
                    if (chunks > 1)
                        tile += MatrixTile.Rows * MatrixTile.Columns;
                }
            }
        }
    }

    // A vector that straddles two cache lines costs two loads.
    private static float* Align(float* pointer) => (float*)(((nint)pointer + 63) & ~63);

    private static void Multiply(float* a, nint aRow, nint aColumn, float* panel, int depth, float* tile, int columns, bool accumulate)
    {
        if (Vector512.IsHardwareAccelerated && columns > MatrixTile.Columns - MatrixTile.NarrowColumns)
        {
            MatrixTile.Wide(a, aRow, aColumn, panel, MatrixPanel.Width, depth, tile, accumulate);
            return;
        }

        for (int c = 0; c < columns; c += MatrixTile.NarrowColumns)
            MatrixTile.Narrow(a, aRow, aColumn, panel + c, MatrixPanel.Width, depth, tile + c, accumulate);
    }

    // Where rows of op(A) can be broadcast from: float32 rows in place, anything else and what ends early from a widened copy.
    private readonly float* RowsOfLeft(int row, int rows, int from, int depth, float* copy, out nint aRow, out nint aColumn)
    {
        if (LeftRows != null && rows == MatrixTile.Rows)
        {
            (aRow, aColumn) = (K, 1);
            return LeftRows + (long)row * K + from;
        }

        if (LeftRows == null && TransposeLeft != 0)
        {
            (aRow, aColumn) = (1, MatrixPanel.Width);
            MatrixPanel.Copy(Left + (long)from * M + row, M, depth, rows, copy);
            return copy;
        }

        (aRow, aColumn) = (depth, 1);
        for (int r = 0; r < MatrixTile.Rows; r++)
        {
            long start = (long)(row + Math.Min(r, rows - 1)) * K + from;
            if (LeftRows != null)
                MatrixRowsVectorized<Float32>.Widen((Float32*)LeftRows + start, depth, copy + r * depth);
            else
                MatrixRowsVectorized<TElement>.Widen(Left + start, depth, copy + r * depth);
        }

        return copy;
    }

    // A few rows against the rows of a transposed B: both are read along k where they lie.
    private readonly void DotProducts(int row, int rows, int column, int columns)
    {
        float* tile = stackalloc float[FewRows * MatrixTile.Columns];
        for (int c = 0; c < columns; c += 4)
        {
            for (int r = 0; r < rows; r++)
                FourDotProducts(Left + (long)(row + r) * K, Right + (long)column * K, c, columns - 1, tile + r * MatrixTile.Columns + c);
        }

        Epilogue.Store(tile, row, rows, column, columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void FourDotProducts(TElement* a, TElement* b, int first, int last, float* sums)
    {
        // Past the last column the last one is computed again; its slot in the tile is never stored.
        TElement* b0 = b + (long)first * K;
        TElement* b1 = b + (long)Math.Min(first + 1, last) * K;
        TElement* b2 = b + (long)Math.Min(first + 2, last) * K;
        TElement* b3 = b + (long)Math.Min(first + 3, last) * K;
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int whole = K & ~15, rest = K & 15;
        for (int k = 0; k < whole; k += ElementVector.Width)
        {
            Vector512<float> x = ElementVector.Load(a + k);
            s0 = Vector512.FusedMultiplyAdd(x, ElementVector.Load(b0 + k), s0);
            s1 = Vector512.FusedMultiplyAdd(x, ElementVector.Load(b1 + k), s1);
            s2 = Vector512.FusedMultiplyAdd(x, ElementVector.Load(b2 + k), s2);
            s3 = Vector512.FusedMultiplyAdd(x, ElementVector.Load(b3 + k), s3);
        }

        if (rest > 0)
        {
            Vector512<float> x = ElementVector.LoadPartial(a + whole, rest);
            s0 = Vector512.FusedMultiplyAdd(x, ElementVector.LoadPartial(b0 + whole, rest), s0);
            s1 = Vector512.FusedMultiplyAdd(x, ElementVector.LoadPartial(b1 + whole, rest), s1);
            s2 = Vector512.FusedMultiplyAdd(x, ElementVector.LoadPartial(b2 + whole, rest), s2);
            s3 = Vector512.FusedMultiplyAdd(x, ElementVector.LoadPartial(b3 + whole, rest), s3);
        }

        sums[0] = Vector512.Sum(s0);
        sums[1] = Vector512.Sum(s1);
        sums[2] = Vector512.Sum(s2);
        sums[3] = Vector512.Sum(s3);
    }
}
