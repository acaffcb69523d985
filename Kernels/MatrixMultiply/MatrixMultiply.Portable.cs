using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// C = (mask ? act(op(A) op(B) + bias) : 0) + residual, for one product or a batch of them. A group of 64 threads computes 64 × 64 of a C, a thread 8 × 8 of it
/// in registers: 64 multiply-adds for 16 numbers read from shared memory. One kernel serves every transposition and epilogue: the branches are the same for
/// all threads and lie outside the inner loop, whereas each further specialisation would cost a compilation.
/// </summary>
internal struct MatrixMultiplyPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    public const int GroupSize = 64;

    /// <summary>Rows and columns of C per group.</summary>
    public const int Tile = 64;

    // The inner width that is in shared memory at once.
    private const int Depth = 16;

    // Row stride of shared memory: a multiple of 4 for 16-byte reads, not of 32, so that transposing writes spread over the banks.
    private const int Stride = Tile + 4;

    private const int RightStart = Depth * Stride;

    // Threads along one side of the tile, and how far apart the two halves of a thread's rows and columns are.
    private const int Side = 8;
    private const int Half = Tile / 2;

    public ArrayView<TElement> Left;     // each [m, k], or [k, m] transposed
    public ArrayView<TElement> Right;    // each [k, n], or [n, k] transposed
    public ArrayView<TElement> Output;   // [products, m, n]
    public ArrayView<TElement> Bias;     // [n] or empty
    public ArrayView<TElement> Residual; // [m, n] or empty; may be the output itself
    public ArrayView<byte> RowMask;      // [m] or empty
    public int M;
    public int N;
    public int K;
    public int TransposeLeft;
    public int TransposeRight;
    public int LeftQuads;  // 1 where A's rows start on multiples of four elements in memory
    public int RightQuads; // the same of B
    public int Activation;
    public MatrixBatch Batch;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>Grid: one group per tile, the tiles of a row of tiles being neighbours, then the rows of a product, then the products.</summary>
    public static void Kernel(MatrixMultiplyPortable<TElement> p)
    {
        // A's tile, then B's, each [depth, 64]; at the end half of C's. One allocation and offsets, not sub-views: ILGPU then knows that reads are aligned.
        ArrayView<float> shared = SharedMemory.Allocate<float>(2 * RightStart);
        int tilesPerRow = (p.N + Tile - 1) / Tile;
        GroupPlace within = GroupPlace.Of(p.FirstGroup + Grid.IdxX, tilesPerRow * ((p.M + Tile - 1) / Tile));
        GroupPlace at = GroupPlace.Of(within.Inner, tilesPerRow), product = GroupPlace.Of(within.Outer, p.Batch.Inner);
        int row = at.Outer * Tile, column = at.Inner * Tile;
        ArrayView<TElement> left = From(p.Left, MatrixBatch.Left(p.Batch, product)), right = From(p.Right, MatrixBatch.Right(p.Batch, product));
        long output = (long)within.Outer * p.M * p.N;
        int thread = Group.IdxX, threadRow = thread / Side * 4, threadColumn = thread % Side * 4;

        var upper = default(RegisterTile4X8);
        var lower = default(RegisterTile4X8);
        for (int k = 0; k < p.K; k += Depth)
        {
            // What is contiguous in memory is what neighbouring threads read: the inner width of A and of a transposed B.
            if (p.TransposeLeft == 0)
                LoadTransposed(left, p.LeftQuads, row, p.M, k, p.K, shared, 0);
            else
                LoadStraight(left, p.LeftQuads, row, p.M, k, p.K, shared, 0);
            if (p.TransposeRight == 0)
                LoadStraight(right, p.RightQuads, column, p.N, k, p.K, shared, RightStart);
            else
                LoadTransposed(right, p.RightQuads, column, p.N, k, p.K, shared, RightStart);
            Group.Barrier();
            for (int d = 0; d < Depth; d++)
            {
                Float4 first = Read(shared, RightStart + d * Stride + threadColumn), second = Read(shared, RightStart + d * Stride + threadColumn + Half);
                upper = RegisterTile4X8.MultiplyAdd(Read(shared, d * Stride + threadRow), first, second, upper);
                lower = RegisterTile4X8.MultiplyAdd(Read(shared, d * Stride + threadRow + Half), first, second, lower);
            }

            Group.Barrier();
        }

        // Through shared memory, so that the epilogue is written once and its stores are coalesced.
        for (int half = 0; half < 2; half++)
        {
            Write(shared, threadRow * Stride + threadColumn, half == 0 ? upper : lower);
            Group.Barrier();
            Epilogue(p, output, shared, row + half * Half, column);
            Group.Barrier();
        }
    }

    private static ArrayView<TElement> From(ArrayView<TElement> view, long start) => view.SubView(start, view.Length - start);

    // (shared + offset)[d, i] = matrix[start + i, k + d]: the matrix is [length, depth].
    private static void LoadTransposed(ArrayView<TElement> matrix, int quads, int start, int length, int k, int depth, ArrayView<float> shared, int offset)
    {
        for (int quad = Group.IdxX; quad < Tile * Depth / 4; quad += GroupSize)
        {
            int i = quad / (Depth / 4), d = quad % (Depth / 4) * 4;
            Float4 values = LoadQuad(matrix, (long)(start + i) * depth + k + d, start + i < length ? depth - k - d : 0, quads);
            shared[offset + d * Stride + i] = values.X;
            shared[offset + (d + 1) * Stride + i] = values.Y;
            shared[offset + (d + 2) * Stride + i] = values.Z;
            shared[offset + (d + 3) * Stride + i] = values.W;
        }
    }

    // (shared + offset)[d, i] = matrix[k + d, start + i]: the matrix is [depth, length].
    private static void LoadStraight(ArrayView<TElement> matrix, int quads, int start, int length, int k, int depth, ArrayView<float> shared, int offset)
    {
        for (int quad = Group.IdxX; quad < Tile * Depth / 4; quad += GroupSize)
        {
            int d = quad / (Tile / 4), i = quad % (Tile / 4) * 4;
            Float4 values = LoadQuad(matrix, (long)(k + d) * length + start + i, k + d < depth ? length - start - i : 0, quads);
            shared.Cast<Float4>()[(offset + d * Stride + i) / 4] = values;
        }
    }

    // Four numbers from index on, of which the first `available` exist; the others are zero.
    private static Float4 LoadQuad(ArrayView<TElement> matrix, long index, int available, int quads)
    {
        var values = default(Float4);
        if (available >= 4 && quads != 0)
        {
            Quad<TElement> quad = matrix.Cast<Quad<TElement>>()[index / 4];
            values = new Float4(TElement.ToSingle(quad.E0), TElement.ToSingle(quad.E1), TElement.ToSingle(quad.E2), TElement.ToSingle(quad.E3));
        }
        else
        {
            if (available > 0)
                values.X = TElement.ToSingle(matrix[index]);
            if (available > 1)
                values.Y = TElement.ToSingle(matrix[index + 1]);
            if (available > 2)
                values.Z = TElement.ToSingle(matrix[index + 2]);
            if (available > 3)
                values.W = TElement.ToSingle(matrix[index + 3]);
        }

        return values;
    }

    private static Float4 Read(ArrayView<float> shared, int index) => shared.Cast<Float4>()[index / 4];

    private static void Write(ArrayView<float> shared, int index, RegisterTile4X8 tile)
    {
        ArrayView<Float4> quads = shared.Cast<Float4>();
        quads[index / 4] = tile.A0;
        quads[(index + Stride) / 4] = tile.A1;
        quads[(index + 2 * Stride) / 4] = tile.A2;
        quads[(index + 3 * Stride) / 4] = tile.A3;
        quads[(index + Half) / 4] = tile.B0;
        quads[(index + Stride + Half) / 4] = tile.B1;
        quads[(index + 2 * Stride + Half) / 4] = tile.B2;
        quads[(index + 3 * Stride + Half) / 4] = tile.B3;
    }

    // Each thread finishes one column of half a tile.
    private static void Epilogue(MatrixMultiplyPortable<TElement> p, long output, ArrayView<float> shared, int row, int column)
    {
        column += Group.IdxX;
        if (column < p.N)
        {
            float bias = p.Bias.Length > 0 ? TElement.ToSingle(p.Bias[column]) : 0f;
            int rows = IntrinsicMath.Min(Half, p.M - row);
            for (int r = 0; r < rows; r++)
            {
                long index = output + (long)(row + r) * p.N + column;
                float value = ActivationCode.Apply(p.Activation, shared[r * Stride + Group.IdxX] + bias);
                if (p.RowMask.Length > 0 && p.RowMask[row + r] == 0)
                    value = 0f;
                if (p.Residual.Length > 0)
                    value += TElement.ToSingle(p.Residual[index]);
                p.Output[index] = TElement.FromSingle(value);
            }
        }
    }
}
