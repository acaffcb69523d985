using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Interpolate.</summary>
internal static class InterpolateCases
{
    private const float CaseWeight = 0.3f;

    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        InterpolateOperator.Definition,
        static seed => ElementwiseCases.Sweep(
            seed, string.Empty, new InterpolateOperation(CaseWeight), static (x, y) => x + CaseWeight * (y - x), static (x, y) => x + CaseWeight * (y - x)));
}
