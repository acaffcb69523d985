using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// A thread's share of an output tile: four rows and four of every 64 columns. A width up to 64 is one such share, one up to 128 is two,
/// as fields, for only fields stay in registers; wider heads are computed in panels of 128 columns.
/// </summary>
internal interface IOutputTile<TSelf>
    where TSelf : unmanaged, IOutputTile<TSelf>
{
    /// <summary>Columns of the whole group's tile.</summary>
    static abstract int Columns { get; }

    /// <summary>diag(factors) tile.</summary>
    static abstract TSelf ScaleRows(TSelf tile, Float4 factors);

    /// <summary>tile + rows valuesᵀ, the values starting at <paramref name="start"/> (in sixteens of bytes).</summary>
    static abstract TSelf AddOuter(TSelf tile, Float4 rows, ArrayView<Float4> values, int start);

    /// <summary><see cref="AddOuter"/> in those of the four rows that <paramref name="seen"/> (1, 2, 4, 8) names.</summary>
    static abstract TSelf AddSeen(TSelf tile, Float4 rows, int seen, ArrayView<Float4> values, int start);

    /// <summary>Whether no number is NaN or infinite; false too where they are so large that their sum is.</summary>
    static abstract bool IsFinite(TSelf tile);

    /// <summary>Writes the tile, its first column being <paramref name="column"/>.</summary>
    static abstract void Store<TElement>(TSelf tile, TileStore<TElement> target, int column)
        where TElement : unmanaged, IElement<TElement>;
}

/// <summary>64 columns.</summary>
internal struct OutputTile64 : IOutputTile<OutputTile64>
{
    private Tile4x4 _tile;

    public static int Columns => 64;

    public static OutputTile64 ScaleRows(OutputTile64 tile, Float4 factors) => new() { _tile = Tile4x4.ScaleRows(tile._tile, factors) };

    public static OutputTile64 AddOuter(OutputTile64 tile, Float4 rows, ArrayView<Float4> values, int start)
        => new() { _tile = Tile4x4.AddOuter(tile._tile, rows, values[start]) };

    public static OutputTile64 AddSeen(OutputTile64 tile, Float4 rows, int seen, ArrayView<Float4> values, int start)
        => new() { _tile = Tile4x4.AddSeen(tile._tile, rows, values[start], seen) };

    public static bool IsFinite(OutputTile64 tile) => TileSight.IsFinite(Tile4x4.Sum(tile._tile));

    public static void Store<TElement>(OutputTile64 tile, TileStore<TElement> target, int column)
        where TElement : unmanaged, IElement<TElement>
        => TileStore<TElement>.Store(target, tile._tile, column);
}

/// <summary>Twice the columns of <typeparamref name="THalf"/>.</summary>
internal struct DoubleTile<THalf> : IOutputTile<DoubleTile<THalf>>
    where THalf : unmanaged, IOutputTile<THalf>
{
    private THalf _left;
    private THalf _right;

    public static int Columns => 2 * THalf.Columns;

    public static DoubleTile<THalf> ScaleRows(DoubleTile<THalf> tile, Float4 factors)
        => new() { _left = THalf.ScaleRows(tile._left, factors), _right = THalf.ScaleRows(tile._right, factors) };

    public static DoubleTile<THalf> AddOuter(DoubleTile<THalf> tile, Float4 rows, ArrayView<Float4> values, int start) => new()
    {
        _left = THalf.AddOuter(tile._left, rows, values, start),
        _right = THalf.AddOuter(tile._right, rows, values, start + THalf.Columns / 4),
    };

    public static DoubleTile<THalf> AddSeen(DoubleTile<THalf> tile, Float4 rows, int seen, ArrayView<Float4> values, int start) => new()
    {
        _left = THalf.AddSeen(tile._left, rows, seen, values, start),
        _right = THalf.AddSeen(tile._right, rows, seen, values, start + THalf.Columns / 4),
    };

    public static bool IsFinite(DoubleTile<THalf> tile) => THalf.IsFinite(tile._left) & THalf.IsFinite(tile._right);

    public static void Store<TElement>(DoubleTile<THalf> tile, TileStore<TElement> target, int column)
        where TElement : unmanaged, IElement<TElement>
    {
        THalf.Store(tile._left, target, column);
        THalf.Store(tile._right, target, column + THalf.Columns);
    }
}
