namespace GpuTransformer.Kernels;

/// <summary>Which of the keys in range a query sees. Compiled into the kernel, so that masks that are not there cost nothing.</summary>
internal interface IAttentionMask
{
    /// <summary>Whether it may hide a key from a query that has it in range.</summary>
    static abstract bool MayHide { get; }

    /// <summary>Whether the query of <paramref name="row"/> sees the column, which is in range and not free.</summary>
    static abstract bool IsVisible(AttentionArrays arrays, AttentionRow row, int column);
}

/// <summary>No mask: every key in range is visible.</summary>
internal readonly struct NoAttentionMask : IAttentionMask
{
    public static bool MayHide => false;

    public static bool IsVisible(AttentionArrays arrays, AttentionRow row, int column) => true;
}

/// <summary>A key mask, a mask per query, or both.</summary>
internal readonly struct ArrayAttentionMask : IAttentionMask
{
    public static bool MayHide => true;

    public static bool IsVisible(AttentionArrays arrays, AttentionRow row, int column)
    {
        bool visible = true;
        if (arrays.KeyMask.Length > 0)
            visible = arrays.KeyMask[row.KeyMaskStart + column] != 0;
        if (visible && arrays.Mask.Length > 0)
            visible = arrays.Mask[row.MaskStart + column] != 0;
        return visible;
    }
}
