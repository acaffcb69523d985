using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// 64 rows of 64 bfloat16 in shared memory. Row r keeps its 16-byte chunk c at place c xor (r mod 8), so that the eight rows of a piece that a warp reads
/// together lie in different banks.
/// </summary>
internal struct SharedTile
{
    /// <summary>Rows, and numbers in a row.</summary>
    public const int Rows = 64;

    /// <summary>Bytes of a row.</summary>
    public const int RowBytes = Rows * 2;

    /// <summary>Bytes of a tile.</summary>
    public const int Bytes = Rows * RowBytes;

    private const int ChunksPerRow = RowBytes / AsyncCopy.Bytes;

    /// <summary>This lane's row of the first sixteen: lanes 0–7 and 16–23 rows 0–7, lanes 8–15 and 24–31 rows 8–15.</summary>
    public long LaneRow;

    /// <summary>Which chunk of a pair of chunks the lane reads: 0, or 1 for the upper sixteen lanes.</summary>
    public int LaneChunk;

    /// <summary>What the lane's row is swizzled with.</summary>
    public int LaneSwizzle;

    /// <summary>The tile at a shared-memory address, as the calling lane reads it.</summary>
    public static SharedTile At(long address)
    {
        int row = Group.IdxX % 16;
        return new SharedTile { LaneRow = address + row * RowBytes, LaneChunk = Group.IdxX % 32 / 16, LaneSwizzle = row % 8 };
    }

    /// <summary>
    /// What the lane gives to <see cref="WarpMatrix.Load(long)"/> for rows <paramref name="firstRow"/> (a multiple of 16) on and two chunks of 8 columns.
    /// </summary>
    public static long Address(SharedTile tile, int firstRow, int firstChunk)
        => tile.LaneRow + firstRow * RowBytes + (((firstChunk + tile.LaneChunk) ^ tile.LaneSwizzle) * AsyncCopy.Bytes);

    /// <summary>Begins to copy 64 rows of global memory to the tile at <paramref name="target"/>; rows from <paramref name="count"/> on become zero.</summary>
    public static void BeginLoad(long target, ArrayView<BFloat16> source, long start, long rowStride, int count)
    {
        for (int i = Group.IdxX; i < Rows * ChunksPerRow; i += AttentionTiles.GroupSize)
        {
            int row = i / ChunksPerRow, chunk = i % ChunksPerRow;

            // A row that does not exist is not read, but the address given for it must be one that could be.
            bool exists = row < count;
            long element = start + (exists ? row : 0) * rowStride + chunk * (AsyncCopy.Bytes / 2);
            AsyncCopy.Begin(
                target + row * RowBytes + ((chunk ^ (row % 8)) * AsyncCopy.Bytes), AsyncCopy.GlobalAddress(ref source[element]), exists ? AsyncCopy.Bytes : 0);
        }
    }
}
