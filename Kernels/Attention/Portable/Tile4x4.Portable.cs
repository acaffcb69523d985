namespace GpuTransformer.Kernels;

/// <summary>
/// A thread's 4 × 4 share of a matrix product. It is made of fields because ILGPU keeps fields in registers, but arrays in memory; each step of the inner
/// dimension costs two 16-byte reads for sixteen multiply-adds.
/// </summary>
internal struct Tile4x4
{
    public Float4 Row0;
    public Float4 Row1;
    public Float4 Row2;
    public Float4 Row3;

    /// <summary>tile + rows columnsᵀ.</summary>
    public static Tile4x4 AddOuter(Tile4x4 tile, Float4 rows, Float4 columns) => new()
    {
        Row0 = Float4.MultiplyAdd(rows.X, columns, tile.Row0),
        Row1 = Float4.MultiplyAdd(rows.Y, columns, tile.Row1),
        Row2 = Float4.MultiplyAdd(rows.Z, columns, tile.Row2),
        Row3 = Float4.MultiplyAdd(rows.W, columns, tile.Row3),
    };

    /// <summary>left + right.</summary>
    public static Tile4x4 Add(Tile4x4 left, Tile4x4 right) => new()
    {
        Row0 = Add(left.Row0, right.Row0),
        Row1 = Add(left.Row1, right.Row1),
        Row2 = Add(left.Row2, right.Row2),
        Row3 = Add(left.Row3, right.Row3),
    };

    /// <summary>The sum of all sixteen numbers.</summary>
    public static float Sum(Tile4x4 t) => Sum(t.Row0) + Sum(t.Row1) + (Sum(t.Row2) + Sum(t.Row3));

    /// <summary>tile + rows columnsᵀ, in those of the four rows that <paramref name="seen"/> (1, 2, 4, 8) names.</summary>
    public static Tile4x4 AddSeen(Tile4x4 tile, Float4 rows, Float4 columns, int seen)
    {
        Tile4x4 sum = AddOuter(tile, rows, columns);
        if ((seen & 1) != 0)
            tile.Row0 = sum.Row0;
        if ((seen & 2) != 0)
            tile.Row1 = sum.Row1;
        if ((seen & 4) != 0)
            tile.Row2 = sum.Row2;
        if ((seen & 8) != 0)
            tile.Row3 = sum.Row3;
        return tile;
    }

    /// <summary>diag(factors) tile.</summary>
    public static Tile4x4 ScaleRows(Tile4x4 tile, Float4 factors) => new()
    {
        Row0 = Scale(tile.Row0, factors.X),
        Row1 = Scale(tile.Row1, factors.Y),
        Row2 = Scale(tile.Row2, factors.Z),
        Row3 = Scale(tile.Row3, factors.W),
    };

    /// <summary>The tile's columns as rows.</summary>
    public static Tile4x4 Transpose(Tile4x4 t) => new()
    {
        Row0 = new Float4(t.Row0.X, t.Row1.X, t.Row2.X, t.Row3.X),
        Row1 = new Float4(t.Row0.Y, t.Row1.Y, t.Row2.Y, t.Row3.Y),
        Row2 = new Float4(t.Row0.Z, t.Row1.Z, t.Row2.Z, t.Row3.Z),
        Row3 = new Float4(t.Row0.W, t.Row1.W, t.Row2.W, t.Row3.W),
    };

    private static Float4 Add(Float4 left, Float4 right) => new(left.X + right.X, left.Y + right.Y, left.Z + right.Z, left.W + right.W);

    private static float Sum(Float4 v) => v.X + v.Y + (v.Z + v.W);

    private static Float4 Scale(Float4 v, float factor) => new(v.X * factor, v.Y * factor, v.Z * factor, v.W * factor);
}
