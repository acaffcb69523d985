using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

internal static partial class AttentionOperator
{
    // After Portable in the list: taken where it is asked for (ComputeDevice.PreferredVariant) until it has been timed on a GPU.
    private static KernelVariant<AttentionArguments> TensorCoreVariant() => new(
        "TensorCore",
        VariantKind.TensorCore,
        "bfloat16 heads of width 64: mma.sync, scores in registers, keys and values copied ahead",
        LaunchTensorCore,
        static (device, a) => a.Query.DType == DType.BFloat16 && a.Shape.HeadDim == TensorCoreHeadDim && a.Shape.ValueDim == TensorCoreHeadDim
            && a.Rules.Dropout.Threshold == 0 && a.DistanceBias is null && HasTensorCores(device));

    private const int TensorCoreHeadDim = AttentionTensorCore<NoAttentionMask, ScaledScore>.HeadDim;

    private static bool HasTensorCores(ComputeDevice device) => device.Kind == DeviceKind.Simulator || ((IlgpuBackend)device.Backend).IsCudaAtLeast(8, 0);

    private static void LaunchTensorCore(ComputeDevice device, AttentionArguments a)
    {
        bool masked = a.KeyMask is not null || a.Mask is not null, biased = a.Bias is not null || a.AlibiSlopes is not null || a.Rules.SoftClamp != 0f;
        if (masked && biased)
            LaunchTensorCore<ArrayAttentionMask, BiasedScore>(device, a);
        else if (masked)
            LaunchTensorCore<ArrayAttentionMask, ScaledScore>(device, a);
        else if (biased)
            LaunchTensorCore<NoAttentionMask, BiasedScore>(device, a);
        else
            LaunchTensorCore<NoAttentionMask, ScaledScore>(device, a);
    }

    private static void LaunchTensorCore<TMask, TScore>(ComputeDevice device, AttentionArguments a)
        where TMask : struct, IAttentionMask
        where TScore : struct, IAttentionScore
    {
        const int Rows = AttentionTensorCore<TMask, TScore>.TileRows;
        device.Launch(
            AttentionTensorCore<TMask, TScore>.Kernel,
            AttentionDispatch.Groups(a.Shape, a.Shape.Heads, a.Shape.Queries, Rows, 1, 1),
            AttentionTensorCore<TMask, TScore>.GroupSize,
            new AttentionTensorCore<TMask, TScore>
            {
                Query = a.Query.View<BFloat16>(),
                Key = a.Key.View<BFloat16>(),
                Value = a.Value.View<BFloat16>(),
                Output = a.Output.View<BFloat16>(),
                LogSumExp = a.LogSumExp?.View<float>() ?? default,
                Normalizer = a.Normalizer?.View<RowNormalizer>() ?? default,
                Arrays = Arrays(a),
                Shape = a.Shape,
                Rules = a.Rules,
            });
    }

}
