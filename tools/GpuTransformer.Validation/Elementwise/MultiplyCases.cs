using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Multiply.</summary>
internal static class MultiplyCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        MultiplyOperator.Definition,
        static seed => ElementwiseCases.Sweep<MultiplyOperation>(seed, string.Empty, default, ElementwiseReference.Multiply, ElementwiseReference.Multiply));
}
