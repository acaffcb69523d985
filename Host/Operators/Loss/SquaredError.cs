using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The mean of (prediction − target)² over the rows that the mask keeps and all their columns.</summary>
    /// <param name="prediction">[…, dim]</param>
    /// <param name="target">The same shape, and the same data type or Float32; gets no gradient.</param>
    /// <param name="rowMask">[…], one Bool for each row, true where it counts; null for all.</param>
    /// <returns>A float32 scalar; zero if no row counts.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor MeanSquaredError(Tensor prediction, Tensor target, Tensor? rowMask = null)
    {
        Arguments.CheckRows(prediction);
        ComputeDevice device = prediction.Device;
        ArgumentNullException.ThrowIfNull(target);
        if (target.DType == DType.Float32 && prediction.DType != DType.Float32 && target.Shape == prediction.Shape)
            prediction = Cast(prediction, DType.Float32);
        Elementwise.CheckPair(prediction, target, nameof(prediction), nameof(target));
        if (rowMask is not null)
            Arguments.CheckRowMask(prediction, rowMask);

        int rows = GainRows.RowCount(prediction);
        Tensor loss = Tensor.Empty(device, [rows]), weight = Tensor.Empty(device, [rows]);
        if (rows > 0)
            SquaredErrorOperator.Definition.Run(device, new SquaredErrorArguments(prediction, target, rowMask, loss, weight));
        (Tensor mean, Tensor inverseWeight) = WeightedMeanOperator.Run(loss, weight);
        if (device.Records(prediction))
        {
            device.Record(mean, upstream =>
            {
                Tensor gradient = Tensor.Empty(device, prediction.Shape, prediction.DType);
                if (rows > 0)
                    SquaredErrorBackwardOperator.Definition.Run(device, new SquaredErrorBackwardArguments(prediction, target, weight, upstream, inverseWeight, gradient));
                GradientTape.Accumulate(prediction, gradient);
            }, prediction, target);
        }

        return mean;
    }
}

/// <summary>What a SquaredError variant is given.</summary>
internal readonly record struct SquaredErrorArguments(Tensor Prediction, Tensor Target, Tensor? Mask, Tensor Loss, Tensor Weight);

/// <summary>SquaredError in the catalogue.</summary>
internal static class SquaredErrorOperator
{
    public static readonly OperatorDefinition<SquaredErrorArguments> Definition = new(
        "SquaredError",
        "loss = mean over the row of (prediction − target)²",
        [
            new("Vectorized", VariantKind.Vectorized, "SIMD, some rows per block", static (device, a) => ElementDispatch.Launch<Vectorized, SquaredErrorArguments>(device, a, a.Prediction.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "64 threads per row",
                static (device, a) => ElementDispatch.Launch<Portable, SquaredErrorArguments>(device, a, a.Prediction.DType)),
        ]);

    private readonly struct Portable : IElementLaunch<SquaredErrorArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SquaredErrorArguments a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(
                SquaredErrorPortable<TElement>.Kernel,
                GainRows.RowCount(a.Prediction),
                SquaredErrorPortable<TElement>.GroupSize,
                new SquaredErrorPortable<TElement>
                {
                    Prediction = a.Prediction.View<TElement>(),
                    Target = a.Target.View<TElement>(),
                    Mask = a.Mask?.View<byte>() ?? default,
                    Loss = a.Loss.View<float>(),
                    Weight = a.Weight.View<float>(),
                    Dim = a.Prediction.Shape[^1],
                });
    }

    private readonly unsafe struct Vectorized : IElementLaunch<SquaredErrorArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SquaredErrorArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            int rows = GainRows.RowCount(a.Prediction), dim = a.Prediction.Shape[^1], rowsPerBlock = VectorizedBlocks.RowsPerBlock(device, rows, dim);
            device.Launch((rows + rowsPerBlock - 1) / rowsPerBlock, new SquaredErrorVectorized<TElement>
            {
                Prediction = a.Prediction.Pointer<TElement>(),
                Target = a.Target.Pointer<TElement>(),
                Mask = a.Mask is null ? null : a.Mask.Pointer<byte>(),
                Loss = a.Loss.Pointer<float>(),
                Weight = a.Weight.Pointer<float>(),
                Rows = rows,
                Dim = dim,
                RowsPerBlock = rowsPerBlock,
            });
        }
    }
}
