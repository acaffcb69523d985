using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of the soft clamp's gradient.</summary>
internal static class SoftClampBackwardCases
{
    private const float CaseLimit = 2.5f;

    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        SoftClampBackwardOperator.Definition,
        static seed => ElementwiseCases.Sweep(
            seed,
            string.Empty,
            new SoftClampBackwardOperation(CaseLimit),
            static (dy, x) => dy * ElementwiseReference.SoftClampDerivative(x, CaseLimit),
            static (dy, x) => dy * ElementwiseReference.SoftClampDerivative(x, CaseLimit),
            range: 6f,
            isGradient: true));
}
