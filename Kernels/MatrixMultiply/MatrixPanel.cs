using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GpuTransformer.Kernels;

/// <summary>
/// Brings a part of a matrix into the order in which <see cref="MatrixTile"/> reads it: a panel [depth, 64] of float32, dense, so that one step of k is
/// 256 consecutive bytes. Columns that the matrix does not have are zero up to the next multiple of 16 and undefined beyond.
/// </summary>
internal static unsafe class MatrixPanel
{
    /// <summary>Columns, and the row stride, of a panel.</summary>
    public const int Width = MatrixTile.Columns;

    private const int CacheLine = 64;
    private const int PrefetchRows = 24;

    // Each line of the panel is written in pieces; this many lines stay in the first-level cache until they are whole.
    private const int DepthPerBlock = 64;

    /// <summary>panel[k, j] = source[k, j]: widens and copies.</summary>
    /// <param name="source">[depth, columns], rows <paramref name="stride"/> apart</param>
    /// <param name="stride">Distance between rows.</param>
    /// <param name="depth">Rows to copy.</param>
    /// <param name="columns">1 to 64</param>
    /// <param name="panel">[depth, 64]</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy<TElement>(TElement* source, long stride, int depth, int columns, float* panel)
        where TElement : unmanaged, IElement<TElement>
    {
        int whole = columns & ~15, rest = columns & 15;
        for (int k = 0; k < depth; k++)
        {
            // Rows far apart are beyond what the hardware foresees.
            if (Sse.IsSupported)
                Prefetch(source + PrefetchRows * stride, columns * sizeof(TElement));
            for (int j = 0; j < whole; j += ElementVector.Width)
                ElementVector.Load(source + j).Store(panel + j);
            if (rest > 0)
                ElementVector.LoadPartial(source + whole, rest).Store(panel + whole);
            source += stride;
            panel += Width;
        }
    }

    /// <summary>panel[k, j] = source[j, k]: widens, transposes and pads.</summary>
    /// <param name="source">[columns, depth], rows <paramref name="stride"/> apart</param>
    /// <param name="stride">Distance between rows.</param>
    /// <param name="depth">Columns of the source.</param>
    /// <param name="columns">Rows of the source, 1 to 64.</param>
    /// <param name="panel">[depth, 64]</param>
    public static void Transpose<TElement>(TElement* source, long stride, int depth, int columns, float* panel)
        where TElement : unmanaged, IElement<TElement>
    {
        Transpose(source, stride, depth, columns, panel, Width);
        int padded = (columns + 15) & ~15;
        for (int k = 0; columns < padded && k < depth; k++)
            new Span<float>(panel + (long)k * Width + columns, padded - columns).Clear();
    }

    /// <summary>target[k, j] = source[j, k], rows of the target <paramref name="targetStride"/> apart; nothing beside them is written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose<TElement>(TElement* source, long stride, int depth, int columns, float* target, int targetStride)
        where TElement : unmanaged, IElement<TElement>
    {
        int fastColumns = Avx.IsSupported ? columns & ~7 : 0, fastDepth = depth & ~15;
        for (int block = 0; block < fastDepth; block += DepthPerBlock)
        {
            int end = Math.Min(fastDepth, block + DepthPerBlock);
            for (int j = 0; j < fastColumns; j += 8)
            {
                for (int k = block; k < end; k += 16)
                    Transpose8x16(source + j * stride + k, stride, target + (long)k * targetStride + j, targetStride);
            }
        }

        TransposeSlowly(source + fastDepth, stride, depth - fastDepth, fastColumns, target + (long)fastDepth * targetStride, targetStride);
        TransposeSlowly(source + fastColumns * stride, stride, depth, columns - fastColumns, target + fastColumns, targetStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(void* address, int bytes)
    {
        for (int offset = 0; offset < bytes; offset += CacheLine)
            Sse.Prefetch0((byte*)address + offset);
    }

    private static void TransposeSlowly<TElement>(TElement* source, long stride, int depth, int columns, float* target, int targetStride)
        where TElement : unmanaged, IElement<TElement>
    {
        for (int k = 0; k < depth; k++)
        {
            for (int j = 0; j < columns; j++)
                target[(long)k * targetStride + j] = TElement.ToSingle(source[j * stride + k]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8x16<TElement>(TElement* source, long stride, float* target, nint targetStride)
        where TElement : unmanaged, IElement<TElement>
    {
        Vector512<float> r0 = ElementVector.Load(source), r1 = ElementVector.Load(source + stride);
        Vector512<float> r2 = ElementVector.Load(source + 2 * stride), r3 = ElementVector.Load(source + 3 * stride);
        Vector512<float> r4 = ElementVector.Load(source + 4 * stride), r5 = ElementVector.Load(source + 5 * stride);
        Vector512<float> r6 = ElementVector.Load(source + 6 * stride), r7 = ElementVector.Load(source + 7 * stride);
        Transpose8x8(
            r0.GetLower(), r1.GetLower(), r2.GetLower(), r3.GetLower(), r4.GetLower(), r5.GetLower(), r6.GetLower(), r7.GetLower(), target, targetStride);
        Transpose8x8(
            r0.GetUpper(),
            r1.GetUpper(),
            r2.GetUpper(),
            r3.GetUpper(),
            r4.GetUpper(),
            r5.GetUpper(),
            r6.GetUpper(),
            r7.GetUpper(),
            target + 8 * targetStride,
            targetStride);
    }

    // Pairs, then quadruples within each 128-bit half, then the halves themselves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8x8(
        Vector256<float> r0, Vector256<float> r1, Vector256<float> r2, Vector256<float> r3, Vector256<float> r4, Vector256<float> r5, Vector256<float> r6,
        Vector256<float> r7,
        float* target, nint targetStride)
    {
        Vector256<float> p0 = Avx.UnpackLow(r0, r1), p1 = Avx.UnpackHigh(r0, r1), p2 = Avx.UnpackLow(r2, r3), p3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> p4 = Avx.UnpackLow(r4, r5), p5 = Avx.UnpackHigh(r4, r5), p6 = Avx.UnpackLow(r6, r7), p7 = Avx.UnpackHigh(r6, r7);
        const byte LowPairs = 0x44, HighPairs = 0xee, LowHalves = 0x20, HighHalves = 0x31;
        Vector256<float> q0 =
            Avx.Shuffle(p0, p2, LowPairs), q1 = Avx.Shuffle(p0, p2, HighPairs), q2 = Avx.Shuffle(p1, p3, LowPairs), q3 = Avx.Shuffle(p1, p3, HighPairs);
        Vector256<float> q4 =
            Avx.Shuffle(p4, p6, LowPairs), q5 = Avx.Shuffle(p4, p6, HighPairs), q6 = Avx.Shuffle(p5, p7, LowPairs), q7 = Avx.Shuffle(p5, p7, HighPairs);
        Avx.Permute2x128(q0, q4, LowHalves).Store(target);
        Avx.Permute2x128(q1, q5, LowHalves).Store(target + targetStride);
        Avx.Permute2x128(q2, q6, LowHalves).Store(target + 2 * targetStride);
        Avx.Permute2x128(q3, q7, LowHalves).Store(target + 3 * targetStride);
        Avx.Permute2x128(q0, q4, HighHalves).Store(target + 4 * targetStride);
        Avx.Permute2x128(q1, q5, HighHalves).Store(target + 5 * targetStride);
        Avx.Permute2x128(q2, q6, HighHalves).Store(target + 6 * targetStride);
        Avx.Permute2x128(q3, q7, HighHalves).Store(target + 7 * targetStride);
    }
}
