namespace GpuTransformer.Kernels;

/// <summary>
/// The lengths of the output's axes between the outermost and the innermost, padded with ones. The outermost needs none: what is left of a row's number is its
/// place there.
/// </summary>
internal struct BroadcastAxes
{
    /// <summary>How many axes a kernel can tell apart, neighbours that every operand walks alike counting as one.</summary>
    public const int Maximum = 6;

    public int Length1;
    public int Length2;
    public int Length3;
    public int Length4;
}

/// <summary>How far apart an operand's neighbours along each axis are; 0 where it is broadcast.</summary>
internal struct BroadcastStrides
{
    public long Stride0;
    public long Stride1;
    public long Stride2;
    public long Stride3;
    public long Stride4;

    /// <summary>1, or 0 where the operand is one number along the innermost axis.</summary>
    public int Inner;

    /// <summary>Where the operand's part for row <paramref name="row"/> of the output begins.</summary>
    public static long Row(BroadcastStrides strides, BroadcastAxes axes, int row)
    {
        int rest3 = row / axes.Length4, rest2 = rest3 / axes.Length3, rest1 = rest2 / axes.Length2, rest0 = rest1 / axes.Length1;
        return rest0 * strides.Stride0 + (rest1 - rest0 * axes.Length1) * strides.Stride1 + (rest2 - rest1 * axes.Length2) * strides.Stride2
            + (rest3 - rest2 * axes.Length3) * strides.Stride3 + (row - rest3 * axes.Length4) * strides.Stride4;
    }
}

/// <summary>How a broadcasting kernel walks the output, seen as rows of <see cref="Inner"/> elements, and with it up to three operands.</summary>
internal struct BroadcastWalk
{
    public BroadcastAxes Axes;
    public BroadcastStrides First;
    public BroadcastStrides Second;
    public BroadcastStrides Third;

    /// <summary>The length of the innermost axis.</summary>
    public long Inner;
}
