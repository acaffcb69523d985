using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a SquaredErrorBackward variant is given.</summary>
internal readonly record struct SquaredErrorBackwardArguments(Tensor Prediction, Tensor Target, Tensor Weight, Tensor Upstream, Tensor InverseWeight, Tensor PredictionGradient);

/// <summary>SquaredErrorBackward in the catalogue.</summary>
internal static class SquaredErrorBackwardOperator
{
    public static readonly OperatorDefinition<SquaredErrorBackwardArguments> Definition = new(
        "SquaredErrorBackward",
        "dx = 2 (prediction − target) / dim · weight · upstream / Σ weight",
        [
            new("Vectorized", VariantKind.Vectorized, "SIMD, some rows per block", static (device, a) => ElementDispatch.Launch<Vectorized, SquaredErrorBackwardArguments>(device, a, a.Prediction.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row",
                static (device, a) => ElementDispatch.Launch<Portable, SquaredErrorBackwardArguments>(device, a, a.Prediction.DType)),
        ]);

    private readonly struct Portable : IElementLaunch<SquaredErrorBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SquaredErrorBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(
                SquaredErrorBackwardPortable<TElement>.Kernel,
                GainRows.RowCount(a.Prediction),
                SquaredErrorBackwardPortable<TElement>.GroupSize,
                new SquaredErrorBackwardPortable<TElement>
                {
                    Prediction = a.Prediction.View<TElement>(),
                    Target = a.Target.View<TElement>(),
                    Weight = a.Weight.View<float>(),
                    Upstream = a.Upstream.View<float>(),
                    InverseWeight = a.InverseWeight.View<float>(),
                    PredictionGradient = a.PredictionGradient.View<TElement>(),
                    Dim = a.Prediction.Shape[^1],
                });
    }

    private readonly unsafe struct Vectorized : IElementLaunch<SquaredErrorBackwardArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SquaredErrorBackwardArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rows = GainRows.RowCount(a.Prediction), dim = a.Prediction.Shape[^1], rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, rows, dim);
            device.Launch((rows + rowsPerBlock - 1) / rowsPerBlock, new SquaredErrorBackwardVectorized<TElement>
            {
                Prediction = a.Prediction.Pointer<TElement>(),
                Target = a.Target.Pointer<TElement>(),
                Weight = a.Weight.Pointer<float>(),
                Upstream = a.Upstream.Pointer<float>(),
                InverseWeight = a.InverseWeight.Pointer<float>(),
                PredictionGradient = a.PredictionGradient.Pointer<TElement>(),
                Rows = rows,
                Dim = dim,
                RowsPerBlock = rowsPerBlock,
            });
        }
    }
}
