using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of LayerNormBackward.</summary>
internal static class LayerNormBackwardCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        LayerNormBackwardOperator.Definition,
        static seed => RowNormBackwardCases.Sweep<LayerNormalization>(
            seed,
            gainOffset: 1f,
            epsilon: 1e-5f,
            static (gradient, input, gain, rows, dim) => LayerNormReference.Backward(gradient, input, gain, rows, dim, 1, 1e-5f),
            static (gradient, input, gain, rows, dim) => LayerNormReference.Backward(gradient, input, gain, rows, dim, 1, 1e-5f)));
}
