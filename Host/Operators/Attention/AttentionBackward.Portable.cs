using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

internal static partial class AttentionBackwardOperator
{
    private static KernelVariant<AttentionBackwardArguments> PortableVariant() => new(
        "Portable",
        VariantKind.Portable,
        "passes by row, by query, by key, by bias and by distance; the forward's tiles",
        static (device, a) => ElementDispatch.Launch<Portable, AttentionBackwardArguments>(device, a, a.Forward.Query.DType));


    private static FlashBackwardViews<TElement> Views<TElement>(in AttentionBackwardArguments a)
        where TElement : unmanaged, IElement<TElement> => new()
    {
        Query = a.Forward.Query.View<TElement>(),
        Key = a.Forward.Key.View<TElement>(),
        Value = a.Forward.Value.View<TElement>(),
        OutputGradient = a.OutputGradient.View<TElement>(),
        Normalizer = a.Forward.Normalizer!.View<RowNormalizer>(),
        Delta = a.Delta.View<float>(),
        Arrays = AttentionOperator.Arrays(a.Forward),
        Shape = a.Forward.Shape,
        Rules = AttentionDispatch.Rules(a.Forward),
    };

    private readonly struct Portable : IElementLaunch<AttentionBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, AttentionBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            AttentionShape shape = a.Forward.Shape;
            device.Launch(
                FlashBackwardDeltaPortable<TElement>.Kernel,
                AttentionDispatch.Groups(shape, shape.Heads, shape.Queries, FlashBackwardDeltaPortable<TElement>.GroupSize, 1, 1),
                FlashBackwardDeltaPortable<TElement>.GroupSize,
                new FlashBackwardDeltaPortable<TElement>
                {
                    Output = a.Forward.Output.View<TElement>(),
                    OutputGradient = a.OutputGradient.View<TElement>(),
                    Delta = a.Delta.View<float>(),
                    Shape = shape,
                });
            AttentionDispatch.Launch<QueryPass, TElement, AttentionBackwardArguments>(device, a, shape.HeadDim);
            AttentionDispatch.Launch<KeyValuePass, TElement, AttentionBackwardArguments>(device, a, Math.Max(shape.HeadDim, shape.ValueDim));
            if (a.BiasGradient is { } bias)
                LaunchBias<TElement>(device, a, bias);
            if (a.DistanceGradient is { } distances)
                LaunchDistances<TElement>(device, a, distances);
        }

        private static void LaunchBias<TElement>(ComputeDevice device, AttentionBackwardArguments a, Tensor bias)
            where TElement : unmanaged, IElement<TElement>
        {
            long tiles = (long)AttentionDispatch.Tiles(bias.Shape[2], AttentionTiles.TileRows) * bias.Shape[1] * bias.Shape[0];
            device.Launch(
                FlashBackwardBiasPortable<TElement>.Kernel,
                tiles * AttentionDispatch.Tiles(a.Forward.Shape.Keys, AttentionTiles.TileKeys),
                AttentionTiles.GroupSize,
                new FlashBackwardBiasPortable<TElement>
                {
                    Tensors = Views<TElement>(a),
                    BiasGradient = bias.View<float>(),
                    BiasBatches = bias.Shape[0],
                    BiasHeads = bias.Shape[1],
                    BiasQueries = bias.Shape[2],
                });
        }

        private static void LaunchDistances<TElement>(ComputeDevice device, AttentionBackwardArguments a, Tensor gradient)
            where TElement : unmanaged, IElement<TElement>
        {
            Tensor sums = a.DistanceSums!;
            int parts = sums.Shape[0];
            device.Launch(
                FlashBackwardDistancePortable<TElement>.Kernel,
                (long)parts * a.Forward.Shape.Heads,
                FlashBackwardDistancePortable<TElement>.GroupSize,
                new FlashBackwardDistancePortable<TElement> { Tensors = Views<TElement>(a), Sums = sums.View<float>(), Parts = parts });
            device.Launch(
                FoldDistancesPortable.Kernel,
                gradient.Shape.Count,
                FoldDistancesPortable.GroupSize,
                new FoldDistancesPortable
                {
                    Sums = sums.View<float>(), Gradient = gradient.View<float>(), Shape = a.Forward.Shape, Rules = a.Forward.Rules, Parts = parts,
                });
        }
    }

    private readonly struct QueryPass : IAttentionLaunch<AttentionBackwardArguments>
    {
        public static void Launch<TElement, TOutput>(ComputeDevice device, AttentionBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
            where TOutput : unmanaged, IOutputTile<TOutput>
            => device.Launch(
                FlashBackwardQueryPortable<TElement, TOutput>.Kernel,
                AttentionDispatch.Groups(
                    a.Forward.Shape, a.Forward.Shape.Heads, a.Forward.Shape.Queries, AttentionTiles.TileRows, a.Forward.Shape.HeadDim, TOutput.Columns),
                AttentionTiles.GroupSize,
                new FlashBackwardQueryPortable<TElement, TOutput> { Tensors = Views<TElement>(a), QueryGradient = a.QueryGradient.View<TElement>() });
    }

    private readonly struct KeyValuePass : IAttentionLaunch<AttentionBackwardArguments>
    {
        public static void Launch<TElement, TOutput>(ComputeDevice device, AttentionBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
            where TOutput : unmanaged, IOutputTile<TOutput>
            => device.Launch(
                FlashBackwardKeyValuePortable<TElement, TOutput>.Kernel,
                AttentionDispatch.Groups(
                    a.Forward.Shape,
                    a.Forward.Shape.KeyValueHeads,
                    a.Forward.Shape.Keys,
                    AttentionTiles.TileRows,
                    Math.Max(a.Forward.Shape.HeadDim, a.Forward.Shape.ValueDim),
                    TOutput.Columns),
                AttentionTiles.GroupSize,
                new FlashBackwardKeyValuePortable<TElement, TOutput>
                {
                    Tensors = Views<TElement>(a),
                    KeyGradient = a.KeyGradient.View<TElement>(),
                    ValueGradient = a.ValueGradient.View<TElement>(),
                });
    }
}
