using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Cast: every pair of storage types.</summary>
internal static class CastCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(CastOperator.Definition, Cases);

    private static IEnumerable<ValidationCase<ElementwiseArguments<ScaleOperation>>> Cases(int seed)
        => from source in ElementwiseCases.DTypes
           from target in ElementwiseCases.DTypes
           from size in ElementwiseCases.Counts
           select Case(seed, source, target, size.Count, size.Size);

    private static ValidationCase<ElementwiseArguments<ScaleOperation>> Case(int seed, DType source, DType target, int count, ValidationSize size)
    {
        float[] input = new CaseData(CaseData.Seed(seed, count), source).Uniform(count, 1000f);
        return new ValidationCase<ElementwiseArguments<ScaleOperation>>(
            $"{count} {source} to {target}",
            size,
            target,
            device => new ElementwiseArguments<ScaleOperation>(
                Tensor.From(device, [count], input, source), null, Tensor.Empty(device, [count], target), CastOperator.Unchanged),
            static arguments => [("output", arguments.Output)],
            () => [new CaseData(seed, target).Expect("output", CaseData.Convert<double>(input), input)]);
    }
}
