using GpuTransformer.Kernels;
using ILGPU;

namespace GpuTransformer.Host;

/// <summary>A launch that is generic over the storage type, the width of the result, the masks and the biases.</summary>
internal interface IAttentionLaunch<TArguments>
    where TArguments : struct
{
    /// <summary>Launches the specialisation.</summary>
    static abstract void Launch<TElement, TOutput, TMask, TScore>(ComputeDevice device, TArguments arguments)
        where TElement : unmanaged, IElement<TElement>
        where TOutput : unmanaged, IOutputTile<TOutput>
        where TMask : struct, IAttentionMask
        where TScore : struct, IAttentionScore;
}

/// <summary>From sizes and options, known at run time, to the type arguments of the Portable attention kernels.</summary>
internal static class AttentionDispatch
{
    /// <summary>
    /// Calls <typeparamref name="TLaunch"/> with tiles for <paramref name="width"/> columns and the rules of <paramref name="forward"/>. There are two sets of rules,
    /// none at all and all of them, the latter asking which are there: more sets would be more kernels to compile than the questions cost.
    /// </summary>
    public static void Launch<TLaunch, TElement, TArguments>(ComputeDevice device, TArguments arguments, in AttentionArguments forward, int width)
        where TLaunch : IAttentionLaunch<TArguments>
        where TElement : unmanaged, IElement<TElement>
        where TArguments : struct
    {
        bool plain = forward.KeyMask is null && forward.Mask is null && forward.Bias is null && forward.AlibiSlopes is null && forward.Rules.SoftClamp == 0f;
        if (width <= OutputTile64.Columns)
            LaunchRules<TLaunch, TElement, OutputTile64, TArguments>(device, arguments, plain);
        else
            LaunchRules<TLaunch, TElement, DoubleTile<OutputTile64>, TArguments>(device, arguments, plain);
    }

    /// <summary>
    /// x: one group per tile of rows, head and batch, for only that axis has room for many short sequences; y: panels of <paramref name="tileColumns"/> columns.
    /// </summary>
    public static Index3D Grid(in AttentionShape shape, int heads, int rows, int tileRows, int columns, int tileColumns)
        => new(checked(Tiles(rows, tileRows) * heads * shape.Batch), Tiles(columns, tileColumns), 1);

    /// <summary>How many tiles cover a length.</summary>
    public static int Tiles(int length, int tile) => (length + tile - 1) / tile;

    private static void LaunchRules<TLaunch, TElement, TOutput, TArguments>(ComputeDevice device, TArguments arguments, bool plain)
        where TLaunch : IAttentionLaunch<TArguments>
        where TElement : unmanaged, IElement<TElement>
        where TOutput : unmanaged, IOutputTile<TOutput>
        where TArguments : struct
    {
        if (plain)
            TLaunch.Launch<TElement, TOutput, NoAttentionMask, ScaledScore>(device, arguments);
        else
            TLaunch.Launch<TElement, TOutput, ArrayAttentionMask, BiasedScore>(device, arguments);
    }
}
