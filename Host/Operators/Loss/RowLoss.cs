using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of a row-wise loss is given.</summary>
[Operator]
[Variant(typeof(RowLossVectorized<,>), "SIMD, some rows per block")]
[Variant(typeof(RowLossPortable<,>), "64 threads per row")]
internal readonly partial record struct RowLossArguments<TLoss>(Tensor Prediction, Tensor Target, Tensor? Mask, Tensor Loss, Tensor Weight, TLoss Function)
    where TLoss : unmanaged, IRowLoss<TLoss>
{
    public int Dim => Prediction.Shape[^1];

    public int Rows => GainRows.RowCount(Prediction);

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Dim);
}

/// <summary>What a variant of its backward is given.</summary>
[Operator(Suffix = "Backward", Derivation = "dx = f′ / dim · weight · upstream / Σ weight of ")]
[Variant(typeof(RowLossBackwardVectorized<,>), "SIMD, some rows per block")]
[Variant(typeof(RowLossBackwardPortable<,>), "64 threads per row")]
internal readonly partial record struct RowLossBackwardArguments<TLoss>(
    Tensor Prediction, Tensor Target, Tensor Weight, Tensor Upstream, Tensor InverseWeight, Tensor PredictionGradient, TLoss Function)
    where TLoss : unmanaged, IRowLoss<TLoss>
{
    public int Dim => Prediction.Shape[^1];

    public int Rows => GainRows.RowCount(Prediction);

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Dim);
}

/// <summary>Checks, computes and records a loss that is a mean over rows.</summary>
internal static class RowLoss
{
    /// <summary>The mean of f(prediction − target) over the rows that the mask keeps and all their columns; see the callers for the arguments.</summary>
    public static Tensor Mean<TLoss>(
        Tensor prediction,
        Tensor target,
        Tensor? rowMask,
        TLoss function,
        OperatorDefinition<RowLossArguments<TLoss>> forward,
        OperatorDefinition<RowLossBackwardArguments<TLoss>> backward)
        where TLoss : unmanaged, IRowLoss<TLoss>
    {
        Arguments.CheckRows(prediction);
        ComputeDevice device = prediction.Device;
        ArgumentNullException.ThrowIfNull(target);
        if (target.DType == DType.Float32 && prediction.DType != DType.Float32 && target.Shape == prediction.Shape)
            prediction = Operators.Cast(prediction, DType.Float32);
        Elementwise.CheckPair(prediction, target, nameof(prediction), nameof(target));
        if (rowMask is not null)
            Arguments.CheckRowMask(prediction, rowMask);

        int rows = GainRows.RowCount(prediction);
        Tensor loss = Tensor.Empty(device, [rows]), weight = Tensor.Empty(device, [rows]);
        if (rows > 0)
            forward.Run(device, new RowLossArguments<TLoss>(prediction, target, rowMask, loss, weight, function));
        (Tensor mean, Tensor inverseWeight) = WeightedMeanOperator.Run(loss, weight);
        if (device.Records(prediction))
        {
            device.Record(mean, upstream =>
            {
                Tensor gradient = Tensor.Empty(device, prediction.Shape, prediction.DType);
                if (rows > 0)
                    backward.Run(device, new RowLossBackwardArguments<TLoss>(prediction, target, weight, upstream, inverseWeight, gradient, function));
                GradientTape.Accumulate(prediction, gradient);
            }, prediction, target);
        }

        return mean;
    }
}
