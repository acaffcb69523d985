using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

internal static partial class AttentionOperator
{
    private static KernelVariant<AttentionArguments> PortableVariant() => new(
        "Portable",
        VariantKind.Portable,
        "32 queries × 64 keys in shared memory, 4 × 4 per thread, online softmax",
        static (device, a) => ElementDispatch.Launch<Portable, AttentionArguments>(device, a, a.Query.DType));

    private readonly struct Portable : IElementLaunch<AttentionArguments>, IAttentionLaunch<AttentionArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
            => AttentionDispatch.Launch<Portable, TElement, AttentionArguments>(device, a, a.Shape.ValueDim);

        public static void Launch<TElement, TOutput>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
            where TOutput : unmanaged, IOutputTile<TOutput>
            => device.Launch(
                FlashForwardPortable<TElement, TOutput>.Kernel,
                AttentionDispatch.Groups(a.Shape, a.Shape.Heads, a.Shape.Queries, AttentionTiles.TileRows, a.Shape.ValueDim, TOutput.Columns),
                AttentionTiles.GroupSize,
                new FlashForwardPortable<TElement, TOutput>
                {
                    Query = a.Query.View<TElement>(),
                    Key = a.Key.View<TElement>(),
                    Value = a.Value.View<TElement>(),
                    Output = a.Output.View<TElement>(),
                    LogSumExp = a.LogSumExp?.View<float>() ?? default,
                    Normalizer = a.Normalizer?.View<RowNormalizer>() ?? default,
                    Arrays = Arrays(a),
                    Shape = a.Shape,
                    Rules = AttentionDispatch.Rules(a),
                });
    }

    /// <summary>The masks and biases as an ILGPU kernel sees them.</summary>
    internal static AttentionArrays Arrays(in AttentionArguments a) => new()
    {
        KeyMask = a.KeyMask?.View<byte>() ?? default,
        Mask = a.Mask?.View<byte>() ?? default,
        Bias = a.Bias?.View<float>() ?? default,
        Slopes = a.AlibiSlopes?.View<float>() ?? default,
        Positions = a.AlibiPositions?.View<float>() ?? default,
        Distances = a.DistanceBias?.View<float>() ?? default,
    };
}
