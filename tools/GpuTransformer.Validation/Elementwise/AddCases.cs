using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Add.</summary>
internal static class AddCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(
        AddOperator.Definition,
        static seed => ElementwiseCases.Sweep<AddOperation>(seed, string.Empty, default, ElementwiseReference.Add, ElementwiseReference.Add));
}
