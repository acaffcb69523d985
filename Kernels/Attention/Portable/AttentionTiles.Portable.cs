using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>Rows of a strided array: a tile of queries, keys, values or gradients.</summary>
internal struct TileRows<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public ArrayView<TElement> Source;

    /// <summary>Where row 0 of the tile begins.</summary>
    public long Start;
    public long RowStride;

    /// <summary>Rows and columns that exist; beyond them a tile is filled with zeros.</summary>
    public int Rows;
    public int Columns;

    /// <summary>The same rows from column <paramref name="first"/> on; none may be left.</summary>
    public static TileRows<TElement> From(TileRows<TElement> tile, int first)
    {
        tile.Start += first;
        tile.Columns -= first;
        return tile;
    }

    public static float Read(TileRows<TElement> tile, int row, int column)
        => row < tile.Rows && column < tile.Columns ? TElement.ToSingle(tile.Source[tile.Start + row * tile.RowStride + column]) : 0f;
}

/// <summary>The tiling that the attention kernels share: who does what in a group of 128 threads, and how tiles lie in shared memory.</summary>
internal static class AttentionTiles
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 128;

    /// <summary>Rows of a tile of scores, four to a thread.</summary>
    public const int TileRows = 32;

    /// <summary>Columns of a tile of scores, four to a thread.</summary>
    public const int TileKeys = 64;

    /// <summary>How much of the head width is in shared memory at a time.</summary>
    public const int Depth = 32;

    /// <summary>
    /// Terms of a product that are summed before the sum joins the others, as on the processor: one long float32 sum loses digits with every term, which large
    /// scores turn into errors of their probabilities and delta's subtraction into errors of gradients.
    /// </summary>
    public const int DepthPiece = 16;

    // Transposed tiles are padded by one Float4: eight rows by four columns of a warp's writes then fall into 32 different banks.

    /// <summary>Float4s from one depth of a transposed tile of <see cref="TileRows"/> to the next.</summary>
    public const int RowStride = (TileRows / 4) + 1;

    /// <summary>Float4s from one depth of a transposed tile of <see cref="TileKeys"/> to the next.</summary>
    public const int KeyStride = (TileKeys / 4) + 1;

    /// <summary>Where the transposed rows begin in the staging area; the keys lie before them.</summary>
    public const int RowStart = Depth * KeyStride;

    /// <summary>Float4s of the staging area.</summary>
    public const int StagingLength = RowStart + (Depth * RowStride);

    /// <summary>Floats of an untransposed tile in the staging area: as many rows as fit, a power of two whatever the width.</summary>
    public const int PanelLength = 2048;

    /// <summary>Float4s of a transposed tile of scores, [<see cref="TileKeys"/>][<see cref="TileRows"/>].</summary>
    public const int ScoreLength = TileKeys * RowStride;

    /// <summary>
    /// Bytes of shared memory that a group of the backward passes takes: a stage, two tiles of scores and who sees whom. No kernel takes more, so that 32 KiB
    /// suffice.
    /// </summary>
    public const int BackwardBytes = 16 * (StagingLength + 2 * ScoreLength) + sizeof(int) * TileSight.Length;

    /// <summary>Keys that one thread takes in the softmax.</summary>
    public const int SoftmaxKeys = TileKeys * TileRows / GroupSize;

    /// <summary>Which four rows of a product this thread computes.</summary>
    public static int ProductRow => Group.IdxX / (TileKeys / 4);

    /// <summary>Which four columns of a product this thread computes.</summary>
    public static int ProductColumn => Group.IdxX % (TileKeys / 4);

    /// <summary>The row of the softmax that this thread works on, with three others.</summary>
    public static int SoftmaxRow => Group.IdxX % TileRows;

    /// <summary>Which quarter of that row's keys it takes.</summary>
    public static int SoftmaxPart => Group.IdxX / TileRows;

    /// <summary>Where the first of those keys is in a transposed tile, in floats; the next is four <see cref="RowStride"/>s on.</summary>
    public static int SoftmaxStart => SoftmaxPart * SoftmaxKeys * RowStride * 4 + SoftmaxRow;

    /// <summary>How many panels of <paramref name="width"/> columns, each a group's, cover a number of columns.</summary>
    public static int Panels(int columns, int width) => (columns + width - 1) / width;

    /// <summary>The start of the next tile of keys: the one after, or past all those that lie before the window of every row.</summary>
    public static int NextKey(int key, int first, int freeColumns)
    {
        int next = key + TileKeys;
        return next >= freeColumns && next < first ? first / TileKeys * TileKeys : next;
    }

    /// <summary>
    /// rows keysᵀ over the head width: the thread's share, [4 rows] × [4 keys], each side times its factor, one of which is 1. Ends with a barrier, so the
    /// staging area is free again.
    /// </summary>
    /// <remarks>
    /// Factors are for the queries' scale: a product that is scaled afterwards is rounded once more at its full size, which is an error of its probability.
    /// </remarks>
    public static Tile4x4 Products<TElement>(ArrayView<Float4> staging, TileRows<TElement> rows, float rowFactor, TileRows<TElement> keys, float keyFactor)
        where TElement : unmanaged, IElement<TElement>
    {
        Tile4x4 products = default;
        for (int start = 0; start < rows.Columns; start += Depth)
        {
            LoadTransposed(staging.SubView(0, RowStart), keys, keyFactor, start, TileKeys, KeyStride);
            LoadTransposed(staging.SubView(RowStart, Depth * RowStride), rows, rowFactor, start, TileRows, RowStride);
            Group.Barrier();
            int depth = IntrinsicMath.Min(Depth, rows.Columns - start);
            for (int first = 0; first < depth; first += DepthPiece)
            {
                Tile4x4 piece = default;
                int end = IntrinsicMath.Min(depth, first + DepthPiece);
                for (int d = first; d < end; d++)
                    piece = Tile4x4.AddOuter(piece, staging[RowStart + d * RowStride + ProductRow], staging[d * KeyStride + ProductColumn]);
                products = Tile4x4.Add(products, piece);
            }

            Group.Barrier();
        }

        return products;
    }

    /// <summary>
    /// Copies <see cref="Depth"/> columns of a tile times a factor to shared memory, transposed. Eight columns at a time make whole 32-byte sectors of global
    /// memory.
    /// </summary>
    private static void LoadTransposed<TElement>(ArrayView<Float4> target, TileRows<TElement> tile, float factor, int firstColumn, int rows, int stride)
        where TElement : unmanaged, IElement<TElement>
    {
        ArrayView<float> floats = target.Cast<float>();
        for (int i = Group.IdxX; i < rows * Depth; i += GroupSize)
        {
            int row = i / 8 % rows, column = i / (8 * rows) * 8 + i % 8;
            floats[column * stride * 4 + row] = factor * TileRows<TElement>.Read(tile, row, firstColumn + column);
        }
    }

    /// <summary>Copies rows from <paramref name="firstRow"/> on to shared memory as they are, <paramref name="width"/> columns each.</summary>
    public static void LoadPanel<TElement>(ArrayView<Float4> staging, TileRows<TElement> tile, int firstRow, int width)
        where TElement : unmanaged, IElement<TElement>
    {
        ArrayView<float> floats = staging.Cast<float>();
        for (int i = Group.IdxX; i < PanelLength; i += GroupSize)
            floats[i] = TileRows<TElement>.Read(tile, firstRow + i / width, i % width);
    }

    /// <summary>
    /// tile + Σ weight · row over the first <paramref name="terms"/> rows of <paramref name="values"/>, the weights being a transposed tile, [rows of
    /// values][rows of the tile]. A term whose pair <paramref name="sight"/> does not show is nothing, whatever the row holds. Ends with a barrier, so the
    /// staging area is free again.
    /// </summary>
    public static TOutput AddWeighted<TElement, TOutput>(
        TOutput tile, ArrayView<Float4> staging, ArrayView<int> sight, ArrayView<Float4> weights, int terms, TileRows<TElement> values)
        where TElement : unmanaged, IElement<TElement>
        where TOutput : unmanaged, IOutputTile<TOutput>
    {
        int step = PanelLength / TOutput.Columns;
        for (int start = 0; start < terms; start += step)
        {
            LoadPanel(staging, values, start, TOutput.Columns);
            Group.Barrier();
            TOutput before = tile;
            for (int n = 0; n < step; n++)
                tile = TOutput.AddOuter(tile, weights[(start + n) * RowStride + ProductRow], staging, n * (TOutput.Columns / 4) + ProductColumn);
            if (!TOutput.IsFinite(tile))
            {
                // The same terms in the same order, so that the bits are those which zeros in the hidden rows would give.
                tile = before;
                for (int n = 0; n < step; n++)
                    tile = TOutput.AddSeen(tile, weights[(start + n) * RowStride + ProductRow], TileSight.OfRows(sight, start + n), staging,
                        n * (TOutput.Columns / 4) + ProductColumn);
            }

            Group.Barrier();
        }

        return tile;
    }

    /// <summary>Writes the thread's products to a transposed tile, [keys][rows].</summary>
    public static void StoreTransposed(ArrayView<Float4> target, Tile4x4 tile)
    {
        Tile4x4 columns = Tile4x4.Transpose(tile);
        int start = ProductColumn * 4 * RowStride + ProductRow;
        target[start] = columns.Row0;
        target[start + RowStride] = columns.Row1;
        target[start + 2 * RowStride] = columns.Row2;
        target[start + 3 * RowStride] = columns.Row3;
    }

    /// <summary>
    /// Multiplies the thread's sixteen keys of its row, of a transposed tile that starts at <paramref name="key"/>, by what dropout makes of them.
    /// </summary>
    public static void DropKeys(ArrayView<float> tile, AttentionDropout dropout, long row, int key)
    {
        const int Next = RowStride * 4;
        int at = SoftmaxStart, first = key + SoftmaxPart * SoftmaxKeys;
        for (int n = 0; n < SoftmaxKeys; n += AttentionDropout.KeysPerDraw)
        {
            PhiloxWords words = AttentionDropout.Draw(dropout, row, first + n);
            tile[at] *= AttentionDropout.Factor(dropout, words.X);
            tile[at + Next] *= AttentionDropout.Factor(dropout, words.Y);
            tile[at + 2 * Next] *= AttentionDropout.Factor(dropout, words.Z);
            tile[at + 3 * Next] *= AttentionDropout.Factor(dropout, words.W);
            at += AttentionDropout.KeysPerDraw * Next;
        }
    }

    /// <summary>The maximum of the row's four parts, given to all of them. Contains a barrier.</summary>
    public static float RowMaximum(ArrayView<float> partials, float value)
    {
        partials[Group.IdxX] = value;
        Group.Barrier();
        int row = SoftmaxRow;
        return IntrinsicMath.Max(
            IntrinsicMath.Max(partials[row], partials[row + TileRows]), IntrinsicMath.Max(partials[row + 2 * TileRows], partials[row + 3 * TileRows]));
    }

    /// <summary>The sum of the row's four parts, given to all of them. Contains a barrier.</summary>
    public static float RowSum(ArrayView<float> partials, float value)
    {
        partials[Group.IdxX] = value;
        Group.Barrier();
        int row = SoftmaxRow;
        return partials[row] + partials[row + TileRows] + (partials[row + 2 * TileRows] + partials[row + 3 * TileRows]);
    }
}

/// <summary>Where a group's tile of results goes: rows of a strided array.</summary>
internal struct TileStore<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public ArrayView<TElement> Target;

    /// <summary>Where row 0 of the tile begins.</summary>
    public long Start;
    public long RowStride;

    /// <summary>Rows and columns that exist.</summary>
    public int Rows;
    public int Columns;

    /// <summary>The same rows from column <paramref name="first"/> on; none may be left.</summary>
    public static TileStore<TElement> From(TileStore<TElement> target, int first)
    {
        target.Start += first;
        target.Columns -= first;
        return target;
    }

    /// <summary>Writes the thread's share of 64 columns, the first of them being <paramref name="column"/>.</summary>
    public static void Store(TileStore<TElement> target, Tile4x4 tile, int column)
    {
        int row = AttentionTiles.ProductRow * 4;
        column += AttentionTiles.ProductColumn * 4;
        StoreRow(target, tile.Row0, row, column);
        StoreRow(target, tile.Row1, row + 1, column);
        StoreRow(target, tile.Row2, row + 2, column);
        StoreRow(target, tile.Row3, row + 3, column);
    }

    private static void StoreRow(TileStore<TElement> target, Float4 values, int row, int column)
    {
        long start = target.Start + row * target.RowStride;
        int columns = row < target.Rows ? target.Columns - column : 0;
        if (columns > 0)
            target.Target[start + column] = TElement.FromSingle(values.X);
        if (columns > 1)
            target.Target[start + column + 1] = TElement.FromSingle(values.Y);
        if (columns > 2)
            target.Target[start + column + 2] = TElement.FromSingle(values.Z);
        if (columns > 3)
            target.Target[start + column + 3] = TElement.FromSingle(values.W);
    }
}
