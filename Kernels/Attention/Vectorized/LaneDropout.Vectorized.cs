using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Attention's dropout for a tile [rows][lanes]: which pairs stay, as one bit per lane, and what that makes of their numbers.</summary>
internal static unsafe class LaneDropout<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// scratch.Kept for queries in lanes, the first being row <paramref name="firstRow"/>, and the listed keys in rows: four keys share a draw.
    /// </summary>
    public static void DrawByQuery(in FlashScratch scratch, int count, in AttentionDropout dropout, long firstRow)
    {
        new Span<ulong>(scratch.Kept, count).Clear();
        for (int r = 0, end; r < count; r = end)
        {
            int block = scratch.Numbers[r] / AttentionDropout.KeysPerDraw;
            for (end = r + 1; end < count && scratch.Numbers[end] / AttentionDropout.KeysPerDraw == block;)
                end++;
            for (int lane = 0; lane < scratch.Lanes; lane += Vector512<uint>.Count)
            {
                PhiloxVectors words = Draw(dropout, Vector512.Create((uint)block), Vector512.Create((uint)(firstRow + lane)) + Vector512<uint>.Indices);
                for (int k = r; k < end; k++)
                    scratch.Kept[k] |= Kept(dropout, Word(words, scratch.Numbers[k] % AttentionDropout.KeysPerDraw)) << lane;
            }
        }
    }

    /// <summary>
    /// scratch.Kept for keys in lanes, the first being <paramref name="firstKey"/>, a multiple of four, and the listed queries in rows, of a head that starts
    /// at row
    /// <paramref name="headRow"/>: sixteen counters make the 64 keys of a block.
    /// </summary>
    public static void DrawByKey(in FlashScratch scratch, int count, in AttentionDropout dropout, long headRow, int firstKey)
    {
        Vector512<uint> blocks = Vector512.Create((uint)(firstKey / AttentionDropout.KeysPerDraw)) + Vector512<uint>.Indices;
        for (int r = 0; r < count; r++)
        {
            PhiloxVectors words = Draw(dropout, blocks, Vector512.Create((uint)(headRow + scratch.Numbers[r])));
            scratch.Kept[r] = Spread(Kept(dropout, words.X)) | Spread(Kept(dropout, words.Y)) << 1
                | Spread(Kept(dropout, words.Z)) << 2 | Spread(Kept(dropout, words.W)) << 3;
        }
    }

    /// <summary>tile[r][lane] times 1 / (1 − p), or zero where the pair is dropped.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(in FlashScratch scratch, int count, in AttentionDropout dropout, float* tile)
    {
        TVector scale = TSimd.Create(dropout.Scale);
        for (int r = 0; r < count; r++)
        {
            float* row = tile + r * scratch.Lanes;
            for (int lane = 0; lane < scratch.Lanes; lane += TSimd.Width)
                TSimd.Store(TSimd.SelectBits((uint)(scratch.Kept[r] >> lane), TSimd.Multiply(scale, TSimd.Load(row + lane)), default), row + lane);
        }
    }

    private static PhiloxVectors Draw(in AttentionDropout dropout, Vector512<uint> blocks, Vector512<uint> rows)
        => Philox.Draw(new PhiloxVectors(blocks, rows, Vector512.Create(dropout.StreamA), Vector512.Create(dropout.StreamB)), dropout.KeyA, dropout.KeyB);

    private static Vector512<uint> Word(in PhiloxVectors words, int place) => place switch { 0 => words.X, 1 => words.Y, 2 => words.Z, _ => words.W };

    private static ulong Kept(in AttentionDropout dropout, Vector512<uint> words)
        => Vector512.GreaterThanOrEqual(words, Vector512.Create(dropout.Threshold)).ExtractMostSignificantBits();

    // Bit i of sixteen moves to bit 4 i.
    private static ulong Spread(ulong bits)
    {
        bits = (bits | bits << 24) & 0x000000FF000000FF;
        bits = (bits | bits << 12) & 0x000F000F000F000F;
        bits = (bits | bits << 6) & 0x0303030303030303;
        return (bits | bits << 3) & 0x1111111111111111;
    }
}
