using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a CrossEntropyBackward variant is given.</summary>
internal readonly record struct CrossEntropyBackwardArguments(
    Tensor Logits, Tensor Targets, Tensor Normalizer, Tensor Upstream, Tensor InverseWeight, Tensor LogitsGradient, int IgnoreIndex, float Smoothing, int Sequence = 0)
{
    public int Classes => Logits.Shape[^1];

    public int Rows => checked((int)Targets.Shape.Count);

    public int TargetStride => Targets.DType == DType.Int64 ? 2 : 1;
}

/// <summary>CrossEntropyBackward in the catalogue.</summary>
internal static class CrossEntropyBackwardOperator
{
    public static readonly OperatorDefinition<CrossEntropyBackwardArguments> Definition = new(
        "CrossEntropyBackward",
        "dx = (softmax(x) − y) · weight · upstream / Σ weight",
        [
            new("Vectorized", VariantKind.Vectorized, "SIMD, some rows per block", static (device, a) => ElementDispatch.Launch<Vectorized, CrossEntropyBackwardArguments>(device, a, a.Logits.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row",
                static (device, a) => ElementDispatch.Launch<Portable, CrossEntropyBackwardArguments>(device, a, a.Logits.DType)),
        ]);

    private readonly struct Portable : IElementLaunch<CrossEntropyBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, CrossEntropyBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(
                CrossEntropyBackwardPortable<TElement>.Kernel,
                a.Rows,
                CrossEntropyBackwardPortable<TElement>.GroupSize,
                new CrossEntropyBackwardPortable<TElement>
                {
                    Logits = a.Logits.View<TElement>(),
                    Targets = a.Targets.View<int>(),
                    Normalizer = a.Normalizer.View<float>(),
                    Upstream = a.Upstream.View<float>(),
                    InverseWeight = a.InverseWeight.View<float>(),
                    LogitsGradient = a.LogitsGradient.View<TElement>(),
                    Classes = a.Classes,
                    TargetStride = a.TargetStride,
                    Sequence = a.Sequence,
                    IgnoreIndex = a.IgnoreIndex,
                    Smoothing = a.Smoothing,
                });
    }

    private readonly unsafe struct Vectorized : IElementLaunch<CrossEntropyBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, CrossEntropyBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, a.Rows, a.Classes);
            device.Launch((a.Rows + rowsPerBlock - 1) / rowsPerBlock, new CrossEntropyBackwardVectorized<TElement>
            {
                Logits = a.Logits.Pointer<TElement>(),
                Targets = a.Targets.Pointer<int>(),
                Normalizer = a.Normalizer.Pointer<float>(),
                Upstream = a.Upstream.Pointer<float>(),
                InverseWeight = a.InverseWeight.Pointer<float>(),
                LogitsGradient = a.LogitsGradient.Pointer<TElement>(),
                Rows = a.Rows,
                Classes = a.Classes,
                TargetStride = a.TargetStride,
                Sequence = a.Sequence,
                RowsPerBlock = rowsPerBlock,
                IgnoreIndex = a.IgnoreIndex,
                Smoothing = a.Smoothing,
            });
        }
    }
}
