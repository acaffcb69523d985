using System.Runtime.CompilerServices;

namespace GpuTransformer.Kernels;

/// <summary>
/// The two matrix products that attention consists of, forward and backward, with one query (or one key) in each SIMD lane. One operand is a panel
/// [depth][lanes] in scratch; the other is read element by element and broadcast, straight from the tensor, so that it is never packed or transposed and a
/// head may have any width.
/// </summary>
internal static unsafe class LaneProducts<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>Rows that are computed together; row lists and panels are padded to a multiple of it.</summary>
    public const int RowTile = 4;

    /// <summary>
    /// Terms of a score that are summed before the sum joins the others. One long float32 sum loses digits with every term; scores of ±80 then cost a softmax
    /// three times what PyTorch's error is. Short pieces keep the partial sums small, for a twentieth of the time.
    /// </summary>
    public const int DepthPiece = 16;

    /// <summary>output[r][lane] = Σ_d rows[r][d] · panel[d][lane].</summary>
    /// <param name="rows">[count rounded up to four] pointers</param>
    /// <param name="count">How many rows.</param>
    /// <param name="panel">[depth][stride]</param>
    /// <param name="stride">Lanes, a multiple of two vectors.</param>
    /// <param name="depth">The length of a row.</param>
    /// <param name="output">[count rounded up to four][stride]</param>
    public static void Dot(float** rows, int count, float* panel, int stride, int depth, float* output)
    {
        int step = Columns(stride) * TSimd.Width;
        for (int r = 0; r < count; r += RowTile)
        {
            for (int lane = 0; lane < stride; lane += step)
            {
                for (int start = 0; start == 0 || start < depth; start += DepthPiece)
                {
                    int end = Math.Min(depth, start + DepthPiece);
                    if (step == 4 * TSimd.Width)
                        Dot4x4(rows + r, panel + lane, stride, start, end, output + (long)r * stride + lane);
                    else
                        Dot4x2(rows + r, panel + lane, stride, start, end, output + (long)r * stride + lane);
                }
            }
        }
    }

    /// <summary>sums[c][lane] = factor[lane] · sums[c][lane] + Σ_k rows[k][c] · panel[k][lane].</summary>
    /// <param name="rows">[count] pointers; up to three elements past a row are read, and their sums mean nothing.</param>
    /// <param name="width">The length of a row.</param>
    /// <param name="count">How many rows.</param>
    /// <param name="panel">[count][stride]</param>
    /// <param name="stride">Lanes, a multiple of two vectors.</param>
    /// <param name="factor">[stride]</param>
    /// <param name="sums">[width rounded up to four][stride]</param>
    /// <param name="visible">
    /// [count] a bit per lane: where it is not set the panel is zero, and the term is nothing whatever the row holds; null where all bits are set
    /// </param>
    public static void Accumulate(float** rows, int width, int count, float* panel, int stride, float* factor, float* sums, ulong* visible)
    {
        int step = Columns(stride) * TSimd.Width;
        for (int lane = 0; lane < stride; lane += step)
        {
            for (int column = 0; column < width; column += RowTile)
            {
                float* target = sums + (long)column * stride + lane;
                bool stored = step == 4 * TSimd.Width
                    ? Accumulate4x4(rows, column, count, panel + lane, stride, factor + lane, target, visible != null)
                    : Accumulate4x2(rows, column, count, panel + lane, stride, factor + lane, target, visible != null);
                if (!stored)
                    LaneHidden<TSimd, TVector>.Accumulate(rows, column, count, panel + lane, stride, factor + lane, target, visible, lane, step);
            }
        }
    }

    // Four by four accumulators, four vectors of the panel and a broadcast are 21 registers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Columns(int stride) => TSimd.HasManyRegisters && stride % (4 * TSimd.Width) == 0 ? 4 : 2;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dot4x4(float** rows, float* panel, int stride, int start, int end, float* output)
    {
        float* a0 = rows[0], a1 = rows[1], a2 = rows[2], a3 = rows[3];
        TVector c00 = default, c01 = default, c02 = default, c03 = default;
        TVector c10 = default, c11 = default, c12 = default, c13 = default;
        TVector c20 = default, c21 = default, c22 = default, c23 = default;
        TVector c30 = default, c31 = default, c32 = default, c33 = default;
        panel += (long)start * stride;
        for (int d = start; d < end; d++, panel += stride)
        {
            TVector b0 =
                TSimd.Load(panel), b1 = TSimd.Load(panel + TSimd.Width), b2 = TSimd.Load(panel + 2 * TSimd.Width), b3 = TSimd.Load(panel + 3 * TSimd.Width);
            TVector a = TSimd.Create(a0[d]);
            c00 = TSimd.MultiplyAdd(a, b0, c00);
            c01 = TSimd.MultiplyAdd(a, b1, c01);
            c02 = TSimd.MultiplyAdd(a, b2, c02);
            c03 = TSimd.MultiplyAdd(a, b3, c03);
            a = TSimd.Create(a1[d]);
            c10 = TSimd.MultiplyAdd(a, b0, c10);
            c11 = TSimd.MultiplyAdd(a, b1, c11);
            c12 = TSimd.MultiplyAdd(a, b2, c12);
            c13 = TSimd.MultiplyAdd(a, b3, c13);
            a = TSimd.Create(a2[d]);
            c20 = TSimd.MultiplyAdd(a, b0, c20);
            c21 = TSimd.MultiplyAdd(a, b1, c21);
            c22 = TSimd.MultiplyAdd(a, b2, c22);
            c23 = TSimd.MultiplyAdd(a, b3, c23);
            a = TSimd.Create(a3[d]);
            c30 = TSimd.MultiplyAdd(a, b0, c30);
            c31 = TSimd.MultiplyAdd(a, b1, c31);
            c32 = TSimd.MultiplyAdd(a, b2, c32);
            c33 = TSimd.MultiplyAdd(a, b3, c33);
        }

        AddTo(start > 0, output, c00, c01, c02, c03);
        AddTo(start > 0, output + stride, c10, c11, c12, c13);
        AddTo(start > 0, output + 2 * stride, c20, c21, c22, c23);
        AddTo(start > 0, output + 3 * stride, c30, c31, c32, c33);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dot4x2(float** rows, float* panel, int stride, int start, int end, float* output)
    {
        float* a0 = rows[0], a1 = rows[1], a2 = rows[2], a3 = rows[3];
        TVector c00 = default, c01 = default;
        TVector c10 = default, c11 = default;
        TVector c20 = default, c21 = default;
        TVector c30 = default, c31 = default;
        panel += (long)start * stride;
        for (int d = start; d < end; d++, panel += stride)
        {
            TVector b0 = TSimd.Load(panel), b1 = TSimd.Load(panel + TSimd.Width);
            TVector a = TSimd.Create(a0[d]);
            c00 = TSimd.MultiplyAdd(a, b0, c00);
            c01 = TSimd.MultiplyAdd(a, b1, c01);
            a = TSimd.Create(a1[d]);
            c10 = TSimd.MultiplyAdd(a, b0, c10);
            c11 = TSimd.MultiplyAdd(a, b1, c11);
            a = TSimd.Create(a2[d]);
            c20 = TSimd.MultiplyAdd(a, b0, c20);
            c21 = TSimd.MultiplyAdd(a, b1, c21);
            a = TSimd.Create(a3[d]);
            c30 = TSimd.MultiplyAdd(a, b0, c30);
            c31 = TSimd.MultiplyAdd(a, b1, c31);
        }

        AddTo(start > 0, output, c00, c01);
        AddTo(start > 0, output + stride, c10, c11);
        AddTo(start > 0, output + 2 * stride, c20, c21);
        AddTo(start > 0, output + 3 * stride, c30, c31);
    }

    // Zero times NaN or infinity is NaN: where something is hidden, sums that are not finite are not stored, and the caller computes them again term by term.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Accumulate4x4(float** rows, int column, int count, float* panel, int stride, float* factor, float* sums, bool hides)
    {
        TVector b0 =
            TSimd.Load(factor), b1 = TSimd.Load(factor + TSimd.Width), b2 = TSimd.Load(factor + 2 * TSimd.Width), b3 = TSimd.Load(factor + 3 * TSimd.Width);
        TVector c00 = TSimd.Multiply(b0, TSimd.Load(sums)), c01 = TSimd.Multiply(b1, TSimd.Load(sums + TSimd.Width)), c02 = TSimd.Multiply(
            b2, TSimd.Load(sums + 2 * TSimd.Width)), c03 = TSimd.Multiply(b3, TSimd.Load(sums + 3 * TSimd.Width));
        TVector c10 = TSimd.Multiply(b0, TSimd.Load(sums + stride)), c11 = TSimd.Multiply(b1, TSimd.Load(sums + stride + TSimd.Width)), c12 = TSimd.Multiply(
            b2, TSimd.Load(sums + stride + 2 * TSimd.Width)), c13 = TSimd.Multiply(b3, TSimd.Load(sums + stride + 3 * TSimd.Width));
        TVector c20 = TSimd.Multiply(b0, TSimd.Load(sums + 2 * stride)), c21 = TSimd.Multiply(
            b1,
            TSimd.Load(sums + 2 * stride + TSimd.Width)), c22 = TSimd.Multiply(b2, TSimd.Load(sums + 2 * stride + 2 * TSimd.Width)),
                c23 = TSimd.Multiply(b3, TSimd.Load(sums + 2 * stride + 3 * TSimd.Width));
        TVector c30 = TSimd.Multiply(b0, TSimd.Load(sums + 3 * stride)), c31 = TSimd.Multiply(
            b1,
            TSimd.Load(sums + 3 * stride + TSimd.Width)), c32 = TSimd.Multiply(b2, TSimd.Load(sums + 3 * stride + 2 * TSimd.Width)),
                c33 = TSimd.Multiply(b3, TSimd.Load(sums + 3 * stride + 3 * TSimd.Width));
        for (int k = 0; k < count; k++, panel += stride)
        {
            float* row = rows[k] + column;
            b0 = TSimd.Load(panel);
            b1 = TSimd.Load(panel + TSimd.Width);
            b2 = TSimd.Load(panel + 2 * TSimd.Width);
            b3 = TSimd.Load(panel + 3 * TSimd.Width);
            TVector a = TSimd.Create(row[0]);
            c00 = TSimd.MultiplyAdd(a, b0, c00);
            c01 = TSimd.MultiplyAdd(a, b1, c01);
            c02 = TSimd.MultiplyAdd(a, b2, c02);
            c03 = TSimd.MultiplyAdd(a, b3, c03);
            a = TSimd.Create(row[1]);
            c10 = TSimd.MultiplyAdd(a, b0, c10);
            c11 = TSimd.MultiplyAdd(a, b1, c11);
            c12 = TSimd.MultiplyAdd(a, b2, c12);
            c13 = TSimd.MultiplyAdd(a, b3, c13);
            a = TSimd.Create(row[2]);
            c20 = TSimd.MultiplyAdd(a, b0, c20);
            c21 = TSimd.MultiplyAdd(a, b1, c21);
            c22 = TSimd.MultiplyAdd(a, b2, c22);
            c23 = TSimd.MultiplyAdd(a, b3, c23);
            a = TSimd.Create(row[3]);
            c30 = TSimd.MultiplyAdd(a, b0, c30);
            c31 = TSimd.MultiplyAdd(a, b1, c31);
            c32 = TSimd.MultiplyAdd(a, b2, c32);
            c33 = TSimd.MultiplyAdd(a, b3, c33);
        }

        if (hides
            && !TSimd.IsFinite(TSimd.Add(TSimd.Add(Sum(c00, c01, c02, c03), Sum(c10, c11, c12, c13)),
                TSimd.Add(Sum(c20, c21, c22, c23), Sum(c30, c31, c32, c33)))))
            return false;
        Store(sums, c00, c01, c02, c03);
        Store(sums + stride, c10, c11, c12, c13);
        Store(sums + 2 * stride, c20, c21, c22, c23);
        Store(sums + 3 * stride, c30, c31, c32, c33);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Accumulate4x2(float** rows, int column, int count, float* panel, int stride, float* factor, float* sums, bool hides)
    {
        TVector b0 = TSimd.Load(factor), b1 = TSimd.Load(factor + TSimd.Width);
        TVector c00 = TSimd.Multiply(b0, TSimd.Load(sums)), c01 = TSimd.Multiply(b1, TSimd.Load(sums + TSimd.Width));
        TVector c10 = TSimd.Multiply(b0, TSimd.Load(sums + stride)), c11 = TSimd.Multiply(b1, TSimd.Load(sums + stride + TSimd.Width));
        TVector c20 = TSimd.Multiply(b0, TSimd.Load(sums + 2 * stride)), c21 = TSimd.Multiply(b1, TSimd.Load(sums + 2 * stride + TSimd.Width));
        TVector c30 = TSimd.Multiply(b0, TSimd.Load(sums + 3 * stride)), c31 = TSimd.Multiply(b1, TSimd.Load(sums + 3 * stride + TSimd.Width));
        for (int k = 0; k < count; k++, panel += stride)
        {
            float* row = rows[k] + column;
            b0 = TSimd.Load(panel);
            b1 = TSimd.Load(panel + TSimd.Width);
            TVector a = TSimd.Create(row[0]);
            c00 = TSimd.MultiplyAdd(a, b0, c00);
            c01 = TSimd.MultiplyAdd(a, b1, c01);
            a = TSimd.Create(row[1]);
            c10 = TSimd.MultiplyAdd(a, b0, c10);
            c11 = TSimd.MultiplyAdd(a, b1, c11);
            a = TSimd.Create(row[2]);
            c20 = TSimd.MultiplyAdd(a, b0, c20);
            c21 = TSimd.MultiplyAdd(a, b1, c21);
            a = TSimd.Create(row[3]);
            c30 = TSimd.MultiplyAdd(a, b0, c30);
            c31 = TSimd.MultiplyAdd(a, b1, c31);
        }

        if (hides && !TSimd.IsFinite(TSimd.Add(Sum(c00, c01, c10, c11), Sum(c20, c21, c30, c31))))
            return false;
        Store(sums, c00, c01);
        Store(sums + stride, c10, c11);
        Store(sums + 2 * stride, c20, c21);
        Store(sums + 3 * stride, c30, c31);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Sum(TVector v0, TVector v1, TVector v2, TVector v3) => TSimd.Add(TSimd.Add(v0, v1), TSimd.Add(v2, v3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* target, TVector v0, TVector v1)
    {
        TSimd.Store(v0, target);
        TSimd.Store(v1, target + TSimd.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* target, TVector v0, TVector v1, TVector v2, TVector v3)
    {
        Store(target, v0, v1);
        Store(target + 2 * TSimd.Width, v2, v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(bool hasEarlierPieces, float* target, TVector v0, TVector v1)
    {
        if (hasEarlierPieces)
            Store(target, TSimd.Add(TSimd.Load(target), v0), TSimd.Add(TSimd.Load(target + TSimd.Width), v1));
        else
            Store(target, v0, v1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo(bool hasEarlierPieces, float* target, TVector v0, TVector v1, TVector v2, TVector v3)
    {
        AddTo(hasEarlierPieces, target, v0, v1);
        AddTo(hasEarlierPieces, target + 2 * TSimd.Width, v2, v3);
    }
}
