using GpuTransformer.Kernels;
using ILGPU;

namespace GpuTransformer.Host;

internal static partial class AttentionOperator
{
    private static KernelVariant<AttentionArguments> PortableVariant() => new(
        "Portable",
        VariantKind.Portable,
        "32 queries × 64 keys in shared memory, 4 × 4 per thread, online softmax",
        static (device, a) => ElementDispatch.Launch<Portable, AttentionArguments>(device, a, a.Query.DType),
        [
            DeviceKernel<Float32, OutputTile64, NoAttentionMask, ScaledScore>(),
            DeviceKernel<Float32, OutputTile64, ArrayAttentionMask, BiasedScore>(),
            DeviceKernel<Float32, DoubleTile<OutputTile64>, ArrayAttentionMask, ScaledScore>(),
            DeviceKernel<Float32, DoubleTile<DoubleTile<OutputTile64>>, ArrayAttentionMask, BiasedScore>(),
            DeviceKernel<Float16, OutputTile64, NoAttentionMask, BiasedScore>(),
            DeviceKernel<BFloat16, DoubleTile<OutputTile64>, NoAttentionMask, BiasedScore>(),
        ]);

    private static DeviceKernel DeviceKernel<TElement, TOutput, TMask, TScore>()
        where TElement : unmanaged, IElement<TElement>
        where TOutput : unmanaged, IAttentionOutputTile<TOutput>
        where TMask : struct, IAttentionMask
        where TScore : struct, IAttentionScore
        => GpuTransformer.Host.DeviceKernel.Of<AttentionPortable<TElement, TOutput, TMask, TScore>>(AttentionPortable<TElement, TOutput, TMask, TScore>.Kernel, AttentionTiles.GroupSize);

    /// <summary>From sizes and options, known at run time, to the kernel's type arguments.</summary>
    private readonly struct Portable : IElementLaunch<AttentionArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            if (a.Shape.ValueDim <= OutputTile64.Columns)
                LaunchMasked<TElement, OutputTile64>(device, a);
            else if (a.Shape.ValueDim <= DoubleTile<OutputTile64>.Columns)
                LaunchMasked<TElement, DoubleTile<OutputTile64>>(device, a);
            else
                LaunchMasked<TElement, DoubleTile<DoubleTile<OutputTile64>>>(device, a);
        }

        private static void LaunchMasked<TElement, TOutput>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
            where TOutput : unmanaged, IAttentionOutputTile<TOutput>
        {
            if (a.KeyMask is null && a.Mask is null)
                LaunchBiased<TElement, TOutput, NoAttentionMask>(device, a);
            else
                LaunchBiased<TElement, TOutput, ArrayAttentionMask>(device, a);
        }

        private static void LaunchBiased<TElement, TOutput, TMask>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
            where TOutput : unmanaged, IAttentionOutputTile<TOutput>
            where TMask : struct, IAttentionMask
        {
            if (a.Bias is null && a.AlibiSlopes is null && a.Rules.SoftClamp == 0f)
                LaunchKernel<TElement, TOutput, TMask, ScaledScore>(device, a);
            else
                LaunchKernel<TElement, TOutput, TMask, BiasedScore>(device, a);
        }

        private static void LaunchKernel<TElement, TOutput, TMask, TScore>(ComputeDevice device, AttentionArguments a)
            where TElement : unmanaged, IElement<TElement>
            where TOutput : unmanaged, IAttentionOutputTile<TOutput>
            where TMask : struct, IAttentionMask
            where TScore : struct, IAttentionScore
            => device.Launch(
                AttentionPortable<TElement, TOutput, TMask, TScore>.Kernel,
                new Index3D(checked((a.Shape.Queries + AttentionTiles.TileRows - 1) / AttentionTiles.TileRows * a.Shape.Heads * a.Shape.Batch), 1, 1),
                new Index3D(AttentionTiles.GroupSize, 1, 1),
                new AttentionPortable<TElement, TOutput, TMask, TScore>
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
