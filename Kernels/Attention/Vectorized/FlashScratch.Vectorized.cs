namespace GpuTransformer.Kernels;

/// <summary>Which arrays a block needs besides those of forward.</summary>
internal enum FlashPass
{
    /// <summary>Lanes are queries; one panel, one set of sums.</summary>
    Forward,

    /// <summary>Lanes are queries; two panels, sums for the query's gradient.</summary>
    QueryGradient,

    /// <summary>Lanes are queries; two panels, sums for a tile of the bias's gradient.</summary>
    BiasGradient,

    /// <summary>Lanes are keys; two panels, sums for the gradients of key and value.</summary>
    KeyValueGradient,
}

/// <summary>
/// What one block of attention works in. It lives on the worker's stack, each array on its own cache line. Lanes are queries and rows are keys, or in the
/// pass over keys the other way round.
/// </summary>
internal unsafe struct FlashScratch
{
    /// <summary>Rows that are taken at a time.</summary>
    public const int Tile = 64;

    /// <summary>Bytes to a cache line, and to the widest vector.</summary>
    public const int Alignment = 64;

    public int Lanes;
    public float** HeadRows;    // [Tile] rows of keys (or queries), as wide as a head
    public float** ValueRows;   // [Tile] rows of values (or output gradients)
    public float* Widened;      // [2][Tile][padded width] those rows in float32, where storage is narrower, or scaled
    public int* Numbers;        // [Tile] which keys (or queries) they are
    public ulong* Visible;      // [Tile] a bit per lane
    public ulong* Kept;         // [Tile] a bit per lane: what dropout leaves
    public float* HeadPanel;    // [headDim][lanes] queries (or keys), scaled
    public float* ValuePanel;   // [valueDim][lanes] output gradients (or values); backward only
    public float* Scores;       // [Tile][lanes], then probabilities
    public float* Gradients;    // [Tile][lanes] of the probabilities, then of the scores; backward only
    public float* Bias;         // [Tile][lanes]
    public float* HeadSums;     // [headDim rounded up to four][lanes] gradient of query or key, or [Tile][lanes] of the bias; backward only
    public float* ValueSums;    // [valueDim rounded up to four][lanes] output, or gradient of value
    public float* LanePositions; // [lanes] for ALiBi
    public float* LaneSlopes;   // [lanes] ALiBi's slope, negative; zero in lanes without
    public float* RowPositions; // [Tile] for ALiBi
    public float* Maximum;      // [lanes]
    public float* Total;        // [lanes]; in backward delta
    public float* Reciprocal;   // [lanes] of the sum of exponentials; backward only
    public float* Factor;       // [lanes]
    public float* FourRows;     // [4][padded width]

    private byte* _next;

    /// <summary>Lays the arrays out from <paramref name="memory"/> on, which is aligned; from null, to learn how many bytes that takes.</summary>
    public FlashScratch(byte* memory, in AttentionShape shape, int lanes, bool widens, FlashPass pass)
    {
        this = default;
        _next = memory;
        Lanes = lanes;
        int widest = LanePanel.PaddedWidth(Math.Max(Math.Max(shape.HeadDim, shape.ValueDim), Tile));
        int backward = pass == FlashPass.Forward ? 0 : 1, values = pass is FlashPass.QueryGradient or FlashPass.BiasGradient ? 0 : 1;
        int sums = pass == FlashPass.BiasGradient ? Tile : Padded(shape.HeadDim);
        HeadRows = (float**)Take(Tile * sizeof(float*));
        ValueRows = (float**)Take(Tile * sizeof(float*));
        Widened = Floats((widens ? 2 : pass == FlashPass.KeyValueGradient ? 1 : 0) * Tile * widest);
        Numbers = (int*)Take(Tile * sizeof(int));
        Visible = (ulong*)Take(Tile * sizeof(ulong));
        Kept = (ulong*)Take(Tile * sizeof(ulong));
        HeadPanel = Floats(shape.HeadDim * lanes);
        ValuePanel = Floats(backward * shape.ValueDim * lanes);
        Scores = Floats(Tile * lanes);
        Gradients = Floats(backward * Tile * lanes);
        Bias = Floats(Tile * lanes);
        HeadSums = Floats(backward * sums * lanes);
        ValueSums = Floats(values * Padded(shape.ValueDim) * lanes);
        LanePositions = Floats(lanes);
        LaneSlopes = Floats(lanes);
        RowPositions = Floats(Tile);
        Maximum = Floats(lanes);
        Total = Floats(lanes);
        Reciprocal = Floats(backward * lanes);
        Factor = Floats(lanes);
        FourRows = Floats(LanePanel.RowTile * widest);
        Bytes = (int)(_next - memory);
    }

    /// <summary>What it takes.</summary>
    public int Bytes { get; }

    /// <summary>Rows of sums for a width: they are computed four at a time.</summary>
    public static int Padded(int width) => (width + LanePanel.RowTile - 1) / LanePanel.RowTile * LanePanel.RowTile;

    /// <summary>The first address in <paramref name="memory"/> that a scratch may start at.</summary>
    public static byte* Align(byte* memory) => memory + (-(nint)memory & (Alignment - 1));

    /// <summary>Points at the listed rows of a tensor, or at copies of them in float32.</summary>
    /// <param name="heads">Where row 0 of a tensor as wide as a head starts.</param>
    /// <param name="headStride">Elements from one of its rows to the next.</param>
    /// <param name="values">Where row 0 of a tensor as wide as a value starts.</param>
    /// <param name="valueStride">Elements from one of its rows to the next.</param>
    /// <param name="headScale">Multiplies the former; other than 1 only in the pass over keys.</param>
    /// <param name="shape">The widths.</param>
    /// <param name="count">How many rows are listed in <see cref="Numbers"/>.</param>
    public readonly void GatherRows<TElement>(
        TElement* heads, long headStride, TElement* values, long valueStride, float headScale, in AttentionShape shape, int count)
        where TElement : unmanaged, IElement<TElement>
    {
        int width = LanePanel.PaddedWidth(Math.Max(shape.HeadDim, shape.ValueDim));
        for (int r = 0; r < count; r++)
        {
            TElement* head = heads + Numbers[r] * headStride, value = values + Numbers[r] * valueStride;
            bool direct = typeof(TElement) == typeof(Float32);
            HeadRows[r] = direct && headScale == 1f ? (float*)head : Widened + r * width;
            ValueRows[r] = direct ? (float*)value : Widened + (Tile + r) * width;
            if (!direct || headScale != 1f)
                LanePanel.Widen(head, shape.HeadDim, headScale, HeadRows[r]);
            if (!direct)
                LanePanel.Widen(value, shape.ValueDim, 1f, ValueRows[r]);
        }

        // Rows are multiplied four at a time.
        for (int r = count; r % LanePanel.RowTile != 0; r++)
        {
            HeadRows[r] = HeadRows[r - 1];
            ValueRows[r] = ValueRows[r - 1];
        }
    }

    private float* Floats(int count) => (float*)Take(count * sizeof(float));

    private byte* Take(int bytes)
    {
        byte* start = _next;
        _next += (bytes + Alignment - 1) / Alignment * Alignment;
        return start;
    }
}
