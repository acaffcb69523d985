using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>A warp's 16 queries of width 64 as four left operands of 16 × 16, read once from global memory and kept in registers.</summary>
internal struct WarpQueries
{
    public PackedQuad S0, S1, S2, S3;

    /// <summary>Reads the lane's share of two rows, which start at the elements given; a row that does not exist is zero.</summary>
    public static WarpQueries Load(ArrayView<BFloat16> source, long upper, long lower, bool hasUpper, bool hasLower)
    {
        ArrayView<uint> pairs = source.Cast<uint>();
        int t = Group.IdxX % 4;
        upper = upper / 2 + t;
        lower = lower / 2 + t;
        return new WarpQueries
        {
            S0 = Step(pairs, upper, lower, hasUpper, hasLower),
            S1 = Step(pairs, upper + 8, lower + 8, hasUpper, hasLower),
            S2 = Step(pairs, upper + 16, lower + 16, hasUpper, hasLower),
            S3 = Step(pairs, upper + 24, lower + 24, hasUpper, hasLower),
        };
    }

    /// <summary>q kᵀ with 64 keys.</summary>
    public static WarpTile Products(WarpQueries queries, SharedTile keys)
    {
        WarpTile products = WarpTile.AddTransposed(default, queries.S0, SharedTile.Address(keys, 0, 0));
        products = WarpTile.AddTransposed(products, queries.S1, SharedTile.Address(keys, 0, 2));
        products = WarpTile.AddTransposed(products, queries.S2, SharedTile.Address(keys, 0, 4));
        return WarpTile.AddTransposed(products, queries.S3, SharedTile.Address(keys, 0, 6));
    }

    private static PackedQuad Step(ArrayView<uint> pairs, long upper, long lower, bool hasUpper, bool hasLower) => new()
    {
        X = hasUpper ? pairs[upper] : 0u,
        Y = hasLower ? pairs[lower] : 0u,
        Z = hasUpper ? pairs[upper + 4] : 0u,
        W = hasLower ? pairs[lower + 4] : 0u,
    };
}

/// <summary>The lane's share of one row of a <see cref="WarpTile"/>: eight pairs of neighbours, eight columns apart, rounded to bfloat16.</summary>
internal struct WarpRow
{
    public uint N0, N1, N2, N3, N4, N5, N6, N7;

    /// <summary>The upper row.</summary>
    public static WarpRow Upper(WarpTile t) => new()
    {
        N0 = PackedBFloat16.Pack(t.N0.Y, t.N0.X),
        N1 = PackedBFloat16.Pack(t.N1.Y, t.N1.X),
        N2 = PackedBFloat16.Pack(t.N2.Y, t.N2.X),
        N3 = PackedBFloat16.Pack(t.N3.Y, t.N3.X),
        N4 = PackedBFloat16.Pack(t.N4.Y, t.N4.X),
        N5 = PackedBFloat16.Pack(t.N5.Y, t.N5.X),
        N6 = PackedBFloat16.Pack(t.N6.Y, t.N6.X),
        N7 = PackedBFloat16.Pack(t.N7.Y, t.N7.X),
    };

    /// <summary>The lower row.</summary>
    public static WarpRow Lower(WarpTile t) => new()
    {
        N0 = PackedBFloat16.Pack(t.N0.W, t.N0.Z),
        N1 = PackedBFloat16.Pack(t.N1.W, t.N1.Z),
        N2 = PackedBFloat16.Pack(t.N2.W, t.N2.Z),
        N3 = PackedBFloat16.Pack(t.N3.W, t.N3.Z),
        N4 = PackedBFloat16.Pack(t.N4.W, t.N4.Z),
        N5 = PackedBFloat16.Pack(t.N5.W, t.N5.Z),
        N6 = PackedBFloat16.Pack(t.N6.W, t.N6.Z),
        N7 = PackedBFloat16.Pack(t.N7.W, t.N7.Z),
    };

    /// <summary>Writes the pairs; <paramref name="start"/> is where the lane's first pair goes.</summary>
    public static void Store(WarpRow row, ArrayView<uint> pairs, long start)
    {
        pairs[start] = row.N0;
        pairs[start + 4] = row.N1;
        pairs[start + 8] = row.N2;
        pairs[start + 12] = row.N3;
        pairs[start + 16] = row.N4;
        pairs[start + 20] = row.N5;
        pairs[start + 24] = row.N6;
        pairs[start + 28] = row.N7;
    }
}
