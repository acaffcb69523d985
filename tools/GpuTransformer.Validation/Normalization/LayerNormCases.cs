using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of LayerNorm.</summary>
internal static class LayerNormCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        LayerNormOperator.Definition,
        static seed => RowNormCases.Sweep<LayerNormalization>(
            seed,
            gainOffset: 1f,
            epsilon: 1e-5f,
            static (input, gain, rows, dim) => LayerNormReference.Forward(input, gain, rows, dim, 1, 1e-5f),
            static (input, gain, rows, dim) => LayerNormReference.Forward(input, gain, rows, dim, 1, 1e-5f)));
}
