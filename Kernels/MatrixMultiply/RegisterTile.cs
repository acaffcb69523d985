namespace GpuTransformer.Kernels;

/// <summary>Four neighbouring stored numbers, which a GPU loads in one instruction.</summary>
internal struct Quad<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public TElement E0, E1, E2, E3;
}

/// <summary>Four floats. Sixteen bytes, so shared memory gives them in one instruction.</summary>
internal struct Float4
{
    public float X, Y, Z, W;

    public Float4(float x, float y, float z, float w)
    {
        X = x;
        Y = y;
        Z = z;
        W = w;
    }

    /// <summary>sum + a · b</summary>
    public static Float4 MultiplyAdd(float a, Float4 b, Float4 sum)
        => new(Fused.MultiplyAdd(a, b.X, sum.X), Fused.MultiplyAdd(a, b.Y, sum.Y), Fused.MultiplyAdd(a, b.Z, sum.Z), Fused.MultiplyAdd(a, b.W, sum.W));
}

/// <summary>
/// A 4 × 8 piece of a product as scalars: ILGPU keeps the fields of a struct in registers, while an array of the same size would live in local memory.
/// Columns 0–3 and 4–7 are apart in the matrix, so that a row of threads reads shared memory without bank conflicts.
/// </summary>
internal struct RegisterTile4X8
{
    public Float4 A0, A1, A2, A3; // rows 0 to 3, columns 0 to 3
    public Float4 B0, B1, B2, B3; // rows 0 to 3, columns 4 to 7

    /// <summary>sum + column · row, the outer product of four and eight numbers.</summary>
    public static RegisterTile4X8 MultiplyAdd(Float4 column, Float4 first, Float4 second, RegisterTile4X8 sum) => new()
    {
        A0 = Float4.MultiplyAdd(column.X, first, sum.A0),
        A1 = Float4.MultiplyAdd(column.Y, first, sum.A1),
        A2 = Float4.MultiplyAdd(column.Z, first, sum.A2),
        A3 = Float4.MultiplyAdd(column.W, first, sum.A3),
        B0 = Float4.MultiplyAdd(column.X, second, sum.B0),
        B1 = Float4.MultiplyAdd(column.Y, second, sum.B1),
        B2 = Float4.MultiplyAdd(column.Z, second, sum.B2),
        B3 = Float4.MultiplyAdd(column.W, second, sum.B3),
    };
}
