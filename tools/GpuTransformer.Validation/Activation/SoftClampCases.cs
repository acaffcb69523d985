using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of the soft clamp.</summary>
internal static class SoftClampCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(SoftClampOperator.Definition, static seed => Cases(seed, 2.5f).Concat(Cases(seed, 30f)));

    private static IEnumerable<ValidationCase<ElementwiseArguments<SoftClampOperation>>> Cases(int seed, float limit)
        => ElementwiseCases.Sweep(
            seed,
            $"c={limit}",
            new SoftClampOperation(limit),
            (x, _) => ElementwiseReference.SoftClamp(x, limit),
            (x, _) => ElementwiseReference.SoftClamp(x, limit),
            range: 3f * limit);
}
