namespace GpuTransformer.Kernels;

/// <summary>Which tile of rows a group owns.</summary>
internal struct TileIndex
{
    public int Batch;
    public int Head;

    /// <summary>The tile's first row.</summary>
    public int Start;

    /// <summary>Which panel of columns.</summary>
    public int Panel;

    /// <summary>
    /// What group <paramref name="group"/> owns: a tile's panels follow each other, then come the next tile's, then the next head's, then the next batch's.
    /// </summary>
    public static TileIndex Of(int group, int heads, int tileRows, int rows, int panels = 1)
    {
        GroupPlace panel = GroupPlace.Of(group, panels), tile = GroupPlace.Of(panel.Outer, (rows + tileRows - 1) / tileRows),
            head = GroupPlace.Of(tile.Outer, heads);
        return new TileIndex { Batch = head.Outer, Head = head.Inner, Start = tile.Inner * tileRows, Panel = panel.Inner };
    }
}
