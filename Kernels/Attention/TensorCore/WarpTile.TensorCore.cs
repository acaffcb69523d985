using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// A warp's 16 × 64 float32 tile, scores or output, as the lane holds it: eight 16 × 8 accumulators. X and Y belong to the upper row g, columns 2t and 2t + 1;
/// Z and W to the lower row g + 8.
/// </summary>
internal struct WarpTile
{
    public Float4 N0, N1, N2, N3, N4, N5, N6, N7;

    /// <summary>Largest of the lane's numbers in the upper row.</summary>
    public static float UpperMaximum(WarpTile t, float largest)
    {
        float low = IntrinsicMath.Max(Upper(t.N0, t.N1), Upper(t.N2, t.N3)), high = IntrinsicMath.Max(Upper(t.N4, t.N5), Upper(t.N6, t.N7));
        return IntrinsicMath.Max(largest, IntrinsicMath.Max(low, high));
    }

    /// <summary>Largest of the lane's numbers in the lower row.</summary>
    public static float LowerMaximum(WarpTile t, float largest)
    {
        float low = IntrinsicMath.Max(Lower(t.N0, t.N1), Lower(t.N2, t.N3)), high = IntrinsicMath.Max(Lower(t.N4, t.N5), Lower(t.N6, t.N7));
        return IntrinsicMath.Max(largest, IntrinsicMath.Max(low, high));
    }

    /// <summary>Sum of the lane's numbers in the upper row.</summary>
    public static float UpperSum(WarpTile t)
        => (t.N0.X + t.N0.Y + (t.N1.X + t.N1.Y)) + (t.N2.X + t.N2.Y + (t.N3.X + t.N3.Y)) + (
            (t.N4.X + t.N4.Y + (t.N5.X + t.N5.Y)) + (t.N6.X + t.N6.Y + (t.N7.X + t.N7.Y)));

    /// <summary>Sum of the lane's numbers in the lower row.</summary>
    public static float LowerSum(WarpTile t)
        => (t.N0.Z + t.N0.W + (t.N1.Z + t.N1.W)) + (t.N2.Z + t.N2.W + (t.N3.Z + t.N3.W)) + (
            (t.N4.Z + t.N4.W + (t.N5.Z + t.N5.W)) + (t.N6.Z + t.N6.W + (t.N7.Z + t.N7.W)));

    /// <summary>Every number times its row's factor.</summary>
    public static WarpTile ScaleRows(WarpTile t, float upper, float lower) => new()
    {
        N0 = Scale(t.N0, upper, lower),
        N1 = Scale(t.N1, upper, lower),
        N2 = Scale(t.N2, upper, lower),
        N3 = Scale(t.N3, upper, lower),
        N4 = Scale(t.N4, upper, lower),
        N5 = Scale(t.N5, upper, lower),
        N6 = Scale(t.N6, upper, lower),
        N7 = Scale(t.N7, upper, lower),
    };

    /// <summary>e^(score − its row's largest), zero where the key is hidden.</summary>
    public static WarpTile Exponentiate(WarpTile t, float upper, float lower) => new()
    {
        N0 = Exponentiate(t.N0, upper, lower),
        N1 = Exponentiate(t.N1, upper, lower),
        N2 = Exponentiate(t.N2, upper, lower),
        N3 = Exponentiate(t.N3, upper, lower),
        N4 = Exponentiate(t.N4, upper, lower),
        N5 = Exponentiate(t.N5, upper, lower),
        N6 = Exponentiate(t.N6, upper, lower),
        N7 = Exponentiate(t.N7, upper, lower),
    };

    /// <summary>
    /// sum + A B, B being 16 of a shared tile's columns, as rows: one step of q kᵀ over the head width. <paramref name="rows"/> is this lane's row of the first
    /// 16 rows, with the column's swizzled offset.
    /// </summary>
    public static WarpTile AddTransposed(WarpTile sum, PackedQuad a, long rows)
    {
        const int SixteenRows = 16 * SharedTile.RowBytes;
        PackedQuad b = WarpMatrix.Load(rows);
        sum.N0 = WarpMatrix.MultiplyAdd(sum.N0, a, b.X, b.Z);
        sum.N1 = WarpMatrix.MultiplyAdd(sum.N1, a, b.Y, b.W);
        b = WarpMatrix.Load(rows + SixteenRows);
        sum.N2 = WarpMatrix.MultiplyAdd(sum.N2, a, b.X, b.Z);
        sum.N3 = WarpMatrix.MultiplyAdd(sum.N3, a, b.Y, b.W);
        b = WarpMatrix.Load(rows + 2 * SixteenRows);
        sum.N4 = WarpMatrix.MultiplyAdd(sum.N4, a, b.X, b.Z);
        sum.N5 = WarpMatrix.MultiplyAdd(sum.N5, a, b.Y, b.W);
        b = WarpMatrix.Load(rows + 3 * SixteenRows);
        sum.N6 = WarpMatrix.MultiplyAdd(sum.N6, a, b.X, b.Z);
        sum.N7 = WarpMatrix.MultiplyAdd(sum.N7, a, b.Y, b.W);
        return sum;
    }

    /// <summary>sum + A B, B being 16 rows of a shared tile: one step of weights · values over the keys.</summary>
    public static WarpTile Add(WarpTile sum, PackedQuad a, SharedTile tile, int firstRow)
    {
        PackedQuad b = WarpMatrix.LoadTransposed(SharedTile.Address(tile, firstRow, 0));
        sum.N0 = WarpMatrix.MultiplyAdd(sum.N0, a, b.X, b.Y);
        sum.N1 = WarpMatrix.MultiplyAdd(sum.N1, a, b.Z, b.W);
        b = WarpMatrix.LoadTransposed(SharedTile.Address(tile, firstRow, 2));
        sum.N2 = WarpMatrix.MultiplyAdd(sum.N2, a, b.X, b.Y);
        sum.N3 = WarpMatrix.MultiplyAdd(sum.N3, a, b.Z, b.W);
        b = WarpMatrix.LoadTransposed(SharedTile.Address(tile, firstRow, 4));
        sum.N4 = WarpMatrix.MultiplyAdd(sum.N4, a, b.X, b.Y);
        sum.N5 = WarpMatrix.MultiplyAdd(sum.N5, a, b.Z, b.W);
        b = WarpMatrix.LoadTransposed(SharedTile.Address(tile, firstRow, 6));
        sum.N6 = WarpMatrix.MultiplyAdd(sum.N6, a, b.X, b.Y);
        sum.N7 = WarpMatrix.MultiplyAdd(sum.N7, a, b.Z, b.W);
        return sum;
    }

    /// <summary>Sixteen columns of weights, two accumulators wide, as the left operand of the next product: the layouts agree.</summary>
    public static PackedQuad AsOperand(Float4 left, Float4 right) => new()
    {
        X = PackedBFloat16.Pack(left.Y, left.X),
        Y = PackedBFloat16.Pack(left.W, left.Z),
        Z = PackedBFloat16.Pack(right.Y, right.X),
        W = PackedBFloat16.Pack(right.W, right.Z),
    };

    private static float Upper(Float4 a, Float4 b) => IntrinsicMath.Max(IntrinsicMath.Max(a.X, a.Y), IntrinsicMath.Max(b.X, b.Y));

    private static float Lower(Float4 a, Float4 b) => IntrinsicMath.Max(IntrinsicMath.Max(a.Z, a.W), IntrinsicMath.Max(b.Z, b.W));

    private static Float4 Scale(Float4 a, float upper, float lower) => new(a.X * upper, a.Y * upper, a.Z * lower, a.W * lower);

    private static Float4 Exponentiate(Float4 a, float upper, float lower)
        => new(AttentionRow.Weight(a.X, upper), AttentionRow.Weight(a.Y, upper), AttentionRow.Weight(a.Z, lower), AttentionRow.Weight(a.W, lower));
}
