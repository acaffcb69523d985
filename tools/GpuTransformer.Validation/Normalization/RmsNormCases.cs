using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of RmsNorm.</summary>
internal static class RmsNormCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        RmsNormOperator.Definition,
        static seed => RowNormCases.Sweep<RmsNormalization>(
            seed,
            gainOffset: 1f,
            epsilon: 1e-12f,
            static (input, gain, rows, dim) => RmsNormReference.Forward(input, gain, rows, dim, 1, 1e-12f),
            static (input, gain, rows, dim) => RmsNormReference.Forward(input, gain, rows, dim, 1, 1e-12f)));
}
