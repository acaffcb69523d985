using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a CrossEntropyBackward variant is given.</summary>
[Operator("CrossEntropyBackward", "dx = (softmax(x) − y) · weight · upstream / Σ weight")]
[Variant(typeof(CrossEntropyBackwardVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(CrossEntropyBackwardPortable<>), "64 threads per row")]
internal readonly partial record struct CrossEntropyBackwardArguments(
    Tensor Logits, Tensor Targets, Tensor Normalizer, Tensor Upstream, Tensor InverseWeight, Tensor LogitsGradient, int IgnoreIndex, float Smoothing,
    int Sequence = 0)
{
    public int Classes => Logits.Shape[^1];

    public int Rows => checked((int)Targets.Shape.Count);

    public int TargetStride => Targets.DType == DType.Int64 ? 2 : 1;

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Classes);
}
