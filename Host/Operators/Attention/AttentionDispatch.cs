using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>A launch that is generic over the storage type and the width of the result.</summary>
internal interface IAttentionLaunch<TArguments>
    where TArguments : struct
{
    /// <summary>Launches the specialisation.</summary>
    static abstract void Launch<TElement, TOutput>(ComputeDevice device, TArguments arguments)
        where TElement : unmanaged, IElement<TElement>
        where TOutput : unmanaged, IOutputTile<TOutput>;
}

/// <summary>From sizes and options, known at run time, to what the Portable attention kernels are given.</summary>
internal static class AttentionDispatch
{
    /// <summary>
    /// Calls <typeparamref name="TLaunch"/> with tiles for <paramref name="width"/> columns. Rules are no type arguments: a kernel without them would use as
    /// many registers, and every kernel more costs an OpenCL compiler seconds.
    /// </summary>
    public static void Launch<TLaunch, TElement, TArguments>(ComputeDevice device, TArguments arguments, int width)
        where TLaunch : IAttentionLaunch<TArguments>
        where TElement : unmanaged, IElement<TElement>
        where TArguments : struct
    {
        if (width <= OutputTile64.Columns)
            TLaunch.Launch<TElement, OutputTile64>(device, arguments);
        else
            TLaunch.Launch<TElement, DoubleTile<OutputTile64>>(device, arguments);
    }

    /// <summary>The rules, with the answer to whether there are any besides causality, windows and dropout.</summary>
    public static AttentionRules Rules(in AttentionArguments a) => a.Rules with
    {
        ScoreIsProduct = a.KeyMask is null && a.Mask is null && a.Bias is null && a.AlibiSlopes is null && a.DistanceBias is null
            && a.Rules.SoftClamp == 0f ? 1 : 0,
    };

    /// <summary>One group per tile of rows, head, batch and panel of <paramref name="tileColumns"/> columns.</summary>
    public static long Groups(in AttentionShape shape, int heads, int rows, int tileRows, int columns, int tileColumns)
        => (long)Tiles(rows, tileRows) * heads * shape.Batch * Tiles(columns, tileColumns);

    /// <summary>How many tiles cover a length.</summary>
    public static int Tiles(int length, int tile) => (length + tile - 1) / tile;
}
