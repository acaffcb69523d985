using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a SquaredErrorBackward variant is given.</summary>
[Operator("SquaredErrorBackward", "dx = 2 (prediction − target) / dim · weight · upstream / Σ weight")]
[Variant(typeof(SquaredErrorBackwardVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(SquaredErrorBackwardPortable<>), "64 threads per row")]
internal readonly partial record struct SquaredErrorBackwardArguments(Tensor Prediction, Tensor Target, Tensor Weight, Tensor Upstream, Tensor InverseWeight, Tensor PredictionGradient)
{
    public int Dim => Prediction.Shape[^1];

    public int Rows => GainRows.RowCount(Prediction);

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Dim);
}
