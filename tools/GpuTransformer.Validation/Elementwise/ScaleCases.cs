using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Scale.</summary>
internal static class ScaleCases
{
    private const float CaseFactor = -0.3f;

    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        ScaleOperator.Definition,
        static seed => ElementwiseCases.Sweep(
            seed,
            string.Empty,
            new ScaleOperation(CaseFactor),
            static (x, _) => ElementwiseReference.Multiply<double>(CaseFactor, x),
            static (x, _) => ElementwiseReference.Multiply(CaseFactor, x)));
}
