using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace GpuTransformer.Kernels;

/// <summary>Rows of a tensor to and from a panel [width][lanes] that holds one row per lane.</summary>
internal static unsafe class LanePanel
{
    /// <summary>Rows that are turned together.</summary>
    public const int RowTile = 4;

    /// <summary>Floats that one row takes in the scratch below.</summary>
    public static int PaddedWidth(int width) => (width + ElementVector.Width - 1) / ElementVector.Width * ElementVector.Width;

    /// <summary>panel[c][lane] = scale · source[lane][c]; lanes beyond <paramref name="rows"/> are zero.</summary>
    /// <param name="source">Row 0.</param>
    /// <param name="rowStride">Elements from one row to the next.</param>
    /// <param name="rows">Rows, at most <paramref name="lanes"/>.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="scale">Multiplies every element.</param>
    /// <param name="panel">[width][lanes]</param>
    /// <param name="lanes">A multiple of four.</param>
    /// <param name="fourRows">[4][<see cref="PaddedWidth"/>] scratch</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack<TElement>(TElement* source, long rowStride, int rows, int width, float scale, float* panel, int lanes, float* fourRows)
        where TElement : unmanaged, IElement<TElement>
    {
        int padded = PaddedWidth(width);
        for (int lane = 0; lane < lanes; lane += RowTile)
        {
            bool direct = typeof(TElement) == typeof(Float32) && lane + RowTile <= rows;
            float* turned = direct ? (float*)(source + lane * rowStride) : fourRows;
            long stride = direct ? rowStride : padded;
            if (!direct)
                Widen(source + lane * rowStride, rowStride, rows - lane, width, fourRows);
            Vector128<float> scales = Vector128.Create(scale);
            int c = 0;
            for (; c + 4 <= width; c += 4)
                Transpose(turned + c, stride, scales, panel + (long)c * lanes + lane, lanes);
            for (; c < width; c++)
            {
                for (int r = 0; r < RowTile; r++)
                    panel[(long)c * lanes + lane + r] = scale * turned[r * stride + c];
            }
        }
    }

    /// <summary>target[lane][c] = scale · panel[c][lane].</summary>
    /// <param name="panel">[width rounded up to four][lanes]</param>
    /// <param name="lanes">A multiple of four.</param>
    /// <param name="scale">Multiplies every element.</param>
    /// <param name="target">Row 0.</param>
    /// <param name="rowStride">Elements from one row to the next.</param>
    /// <param name="rows">Rows, at most <paramref name="lanes"/>.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="fourRows">[4][<see cref="PaddedWidth"/>] scratch</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unpack<TElement>(float* panel, int lanes, float scale, TElement* target, long rowStride, int rows, int width, float* fourRows)
        where TElement : unmanaged, IElement<TElement>
    {
        int padded = PaddedWidth(width);
        Vector128<float> scales = Vector128.Create(scale);
        for (int lane = 0; lane < rows; lane += RowTile)
        {
            float* corner = panel + lane;
            if (typeof(TElement) == typeof(Float32) && lane + RowTile <= rows && width % 4 == 0)
            {
                for (int c = 0; c < width; c += 4)
                    Transpose(corner + (long)c * lanes, lanes, scales, (float*)(target + lane * rowStride) + c, rowStride);
                continue;
            }

            for (int c = 0; c < width; c += 4)
                Transpose(corner + (long)c * lanes, lanes, scales, fourRows + c, padded);
            for (int r = 0; r < Math.Min(RowTile, rows - lane); r++)
                Narrow(fourRows + r * padded, target + (lane + r) * rowStride, width);
        }
    }

    /// <summary>target[c] = scale · source[c].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen<TElement>(TElement* source, int width, float scale, float* target)
        where TElement : unmanaged, IElement<TElement>
    {
        int c = 0;
        for (; c + ElementVector.Width <= width; c += ElementVector.Width)
            (Vector512.Create(scale) * ElementVector.Load(source + c)).Store(target + c);
        for (; c < width; c++)
            target[c] = scale * TElement.ToSingle(source[c]);
    }

    // Four rows, those past the last as zeros.
    private static void Widen<TElement>(TElement* source, long rowStride, int rows, int width, float* fourRows)
        where TElement : unmanaged, IElement<TElement>
    {
        int padded = PaddedWidth(width);
        for (int r = 0; r < RowTile; r++)
        {
            if (r < rows)
                Widen(source + r * rowStride, width, 1f, fourRows + r * padded);
            else
                new Span<float>(fourRows + r * padded, padded).Clear();
        }
    }

    private static void Narrow<TElement>(float* source, TElement* target, int width)
        where TElement : unmanaged, IElement<TElement>
    {
        int c = 0;
        for (; c + ElementVector.Width <= width; c += ElementVector.Width)
            ElementVector.Store(Vector512.Load(source + c), target + c);
        for (; c < width; c++)
            target[c] = TElement.FromSingle(source[c]);
    }

    // target[c][r] = scale · source[r][c], 4 × 4.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(float* source, long sourceStride, Vector128<float> scale, float* target, long targetStride)
    {
        Vector128<float> r0 = scale * Vector128.Load(source), r1 = scale * Vector128.Load(source + sourceStride);
        Vector128<float> r2 = scale * Vector128.Load(source + 2 * sourceStride), r3 = scale * Vector128.Load(source + 3 * sourceStride);
        Vector128<double> low01 = InterleaveLow(r0, r1).AsDouble(), high01 = InterleaveHigh(r0, r1).AsDouble();
        Vector128<double> low23 = InterleaveLow(r2, r3).AsDouble(), high23 = InterleaveHigh(r2, r3).AsDouble();
        InterleaveLow(low01, low23).AsSingle().Store(target);
        InterleaveHigh(low01, low23).AsSingle().Store(target + targetStride);
        InterleaveLow(high01, high23).AsSingle().Store(target + 2 * targetStride);
        InterleaveHigh(high01, high23).AsSingle().Store(target + 3 * targetStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> InterleaveLow(Vector128<float> a, Vector128<float> b)
        => Sse.IsSupported ? Sse.UnpackLow(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b) : Vector128.Create(a[0], b[0], a[1], b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> InterleaveHigh(Vector128<float> a, Vector128<float> b)
        => Sse.IsSupported ? Sse.UnpackHigh(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b) : Vector128.Create(a[2], b[2], a[3], b[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> InterleaveLow(Vector128<double> a, Vector128<double> b)
        => Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b) : Vector128.Create(a[0], b[0]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> InterleaveHigh(Vector128<double> a, Vector128<double> b)
        => Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b) : Vector128.Create(a[1], b[1]);
}
