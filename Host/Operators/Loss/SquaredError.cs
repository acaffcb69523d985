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
            SquaredErrorArguments.Definition.Run(device, new SquaredErrorArguments(prediction, target, rowMask, loss, weight));
        (Tensor mean, Tensor inverseWeight) = WeightedMeanOperator.Run(loss, weight);
        if (device.Records(prediction))
        {
            device.Record(mean, upstream =>
            {
                Tensor gradient = Tensor.Empty(device, prediction.Shape, prediction.DType);
                if (rows > 0)
                    SquaredErrorBackwardArguments.Definition.Run(device, new SquaredErrorBackwardArguments(prediction, target, weight, upstream, inverseWeight, gradient));
                GradientTape.Accumulate(prediction, gradient);
            }, prediction, target);
        }

        return mean;
    }
}

/// <summary>What a SquaredError variant is given.</summary>
[Operator("SquaredError", "loss = mean over the row of (prediction − target)²")]
[Variant(typeof(SquaredErrorVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(SquaredErrorPortable<>), "64 threads per row")]
internal readonly partial record struct SquaredErrorArguments(Tensor Prediction, Tensor Target, Tensor? Mask, Tensor Loss, Tensor Weight)
{
    public int Dim => Prediction.Shape[^1];

    public int Rows => GainRows.RowCount(Prediction);

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Dim);
}
