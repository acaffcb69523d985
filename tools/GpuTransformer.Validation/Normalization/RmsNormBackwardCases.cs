using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of RmsNormBackward.</summary>
internal static class RmsNormBackwardCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        RmsNormBackwardOperator.Definition,
        static seed => RowNormBackwardCases.Sweep<RmsNormalization>(
            seed,
            gainOffset: 1f,
            epsilon: 1e-12f,
            static (gradient, input, gain, rows, dim) => RmsNormReference.Backward(gradient, input, gain, rows, dim, 1, 1e-12f),
            static (gradient, input, gain, rows, dim) => RmsNormReference.Backward(gradient, input, gain, rows, dim, 1, 1e-12f)));
}
