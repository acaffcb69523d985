namespace GpuTransformer.Kernels;

/// <summary>What one block of attention works in. It lives on the worker's stack, each array on its own cache line.</summary>
internal unsafe struct FlashScratch
{
    /// <summary>Keys (or, in backward, queries) that are taken at a time.</summary>
    public const int Tile = 64;

    /// <summary>Bytes to a cache line, and to the widest vector.</summary>
    public const int Alignment = 64;

    public float** FirstRows;  // [Tile] what is multiplied with the block's first panel: rows of keys
    public float** SecondRows; // [Tile] rows of values
    public float* Widened;     // [2][Tile][padded width] those rows in float32, where storage is narrower
    public int* Keys;          // [Tile]
    public ulong* Visible;     // [Tile] a bit per lane
    public float* Query;       // [headDim][lanes]
    public float* Scores;      // [Tile][lanes]
    public float* Bias;        // [Tile][lanes]
    public float* Sums;        // [valueDim rounded up to four][lanes]
    public float* Positions;   // [lanes]
    public float* Maximum;     // [lanes]
    public float* Total;       // [lanes]
    public float* Factor;      // [lanes]
    public float* FourRows;    // [4][padded width]

    private byte* _next;

    /// <summary>Lays the arrays out from <paramref name="memory"/> on, which is aligned; from null, to learn how many bytes that takes.</summary>
    public FlashScratch(byte* memory, in AttentionShape shape, int lanes, bool widens)
    {
        this = default;
        _next = memory;
        int widest = LanePanel.PaddedWidth(Math.Max(Math.Max(shape.HeadDim, shape.ValueDim), Tile));
        FirstRows = (float**)Take(Tile * sizeof(float*));
        SecondRows = (float**)Take(Tile * sizeof(float*));
        Widened = (float*)Take(widens ? 2 * Tile * widest * sizeof(float) : 0);
        Keys = (int*)Take(Tile * sizeof(int));
        Visible = (ulong*)Take(Tile * sizeof(ulong));
        Query = Floats(shape.HeadDim * lanes);
        Scores = Floats(Tile * lanes);
        Bias = Floats(Tile * lanes);
        Sums = Floats((shape.ValueDim + 3) / 4 * 4 * lanes);
        Positions = Floats(lanes);
        Maximum = Floats(lanes);
        Total = Floats(lanes);
        Factor = Floats(lanes);
        FourRows = Floats(LanePanel.RowTile * widest);
        Bytes = (int)(_next - memory);
    }

    /// <summary>What it takes.</summary>
    public int Bytes { get; }

    private float* Floats(int count) => (float*)Take(count * sizeof(float));

    private byte* Take(int bytes)
    {
        byte* start = _next;
        _next += (bytes + Alignment - 1) / Alignment * Alignment;
        return start;
    }
}
