using GpuTransformer.Kernels;
using ILGPU;

namespace GpuTransformer.Host;

internal static partial class AttentionOperator
{
    private static KernelVariant<AttentionArguments> PortableVariant() => new(
        "Portable",
        VariantKind.Portable,
        "one group per query",
        static (device, a) => ElementDispatch.Launch<Portable, AttentionArguments>(device, a, a.Query.DType),
        [
            DeviceKernel.Of<AttentionPortable<Float32>>(AttentionPortable<Float32>.Kernel, AttentionPortable<Float32>.GroupSize),
        ]);

    private readonly struct Portable : IElementLaunch<AttentionArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(
                AttentionPortable<TElement>.Kernel,
                new Index3D(a.Shape.Queries, a.Shape.Heads, a.Shape.Batch),
                new Index3D(AttentionPortable<TElement>.GroupSize, 1, 1),
                new AttentionPortable<TElement>
                {
                    Query = a.Query.View<TElement>(),
                    Key = a.Key.View<TElement>(),
                    Value = a.Value.View<TElement>(),
                    Output = a.Output.View<TElement>(),
                    LogSumExp = a.LogSumExp?.View<float>() ?? default,
                    Arrays = Arrays(a),
                    Shape = a.Shape,
                    Rules = a.Rules,
                });
    }

    private static AttentionArrays Arrays(AttentionArguments a) => new()
    {
        KeyMask = a.KeyMask?.View<byte>() ?? default,
        Mask = a.Mask?.View<byte>() ?? default,
        Bias = a.Bias?.View<float>() ?? default,
        Slopes = a.AlibiSlopes?.View<float>() ?? default,
        Positions = a.AlibiPositions?.View<float>() ?? default,
    };
}
