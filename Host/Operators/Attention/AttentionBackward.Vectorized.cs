using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

internal static partial class AttentionBackwardOperator
{
    private static KernelVariant<AttentionBackwardArguments> VectorizedVariant() => new(
        "Vectorized",
        VariantKind.Vectorized,
        "fused, SIMD, one query (then one key) per lane",
        static (device, a) => ElementDispatch.Launch<Vectorized, AttentionBackwardArguments>(device, a, a.Forward.Query.DType));

    private readonly struct Vectorized : IElementLaunch<AttentionBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, AttentionBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            AttentionShape shape = a.Forward.Shape;
            FlashBackwardTensors<TElement> byQuery = Tensors<TElement>(a, shape.Heads, shape.Queries), byKey = Tensors<TElement>(
                a, shape.KeyValueHeads, shape.Keys);
            var delta = new FlashBackwardDeltaVectorized<TElement> { Tensors = byQuery };
            var query = new FlashBackwardQueryVectorized<TElement> { Tensors = byQuery };
            var keyValue = new FlashBackwardKeyValueVectorized<TElement> { Tensors = byKey };
            device.Launch(delta.Blocks, delta);
            device.Launch(query.Blocks, query);
            device.Launch(keyValue.Blocks, keyValue);
            if (a.BiasGradient is not null)
            {
                var bias = new FlashBackwardBiasVectorized<TElement> { Tensors = byQuery };
                device.Launch(bias.Blocks, bias);
            }

            if (a.DistanceGradient is not null)
                LaunchDistances(device, a, byQuery);
        }

        private static unsafe void LaunchDistances<TElement>(ComputeDevice device, AttentionBackwardArguments a, FlashBackwardTensors<TElement> byQuery)
            where TElement : unmanaged, IElement<TElement>
        {
            float* sums = a.DistanceSums!.Pointer<float>();
            int parts = a.DistanceSums.Shape[0];
            var distances = new FlashBackwardDistanceVectorized<TElement> { Tensors = byQuery, Sums = sums, Parts = parts };
            device.Launch(distances.Blocks, distances);
            device.Launch(byQuery.Shape.Heads, new FoldDistancesVectorized
            {
                Sums = sums, Gradient = a.DistanceGradient!.Pointer<float>(), Shape = byQuery.Shape, Rules = byQuery.Rules, Parts = parts,
            });
        }
    }

    private static unsafe FlashBackwardTensors<TElement> Tensors<TElement>(AttentionBackwardArguments a, int heads, int rows)
        where TElement : unmanaged, IElement<TElement> => new()
    {
        Query = a.Forward.Query.Pointer<TElement>(),
        Key = a.Forward.Key.Pointer<TElement>(),
        Value = a.Forward.Value.Pointer<TElement>(),
        Output = a.Forward.Output.Pointer<TElement>(),
        OutputGradient = a.OutputGradient.Pointer<TElement>(),
        QueryGradient = a.QueryGradient.Pointer<TElement>(),
        KeyGradient = a.KeyGradient.Pointer<TElement>(),
        ValueGradient = a.ValueGradient.Pointer<TElement>(),
        BiasGradient = a.BiasGradient is null ? null : a.BiasGradient.Pointer<float>(),
        Normalizer = a.Forward.Normalizer!.Pointer<float>(),
        Delta = a.Delta.Pointer<float>(),
        Arrays = AttentionOperator.Pointers(a.Forward),
        Shape = a.Forward.Shape,
        Rules = a.Forward.Rules,
        RowsPerBlock = AttentionOperator.RowsPerBlock(a.Forward.Shape, heads, rows),
    };
}
