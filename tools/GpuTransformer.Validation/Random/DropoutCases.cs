using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Dropout.</summary>
internal static class DropoutCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(DropoutArguments.Definition, Cases);

    private static IEnumerable<ValidationCase<DropoutArguments>> Cases(int seed)
        => from dtype in ElementwiseCases.DTypes
           from size in ElementwiseCases.Counts
           select Case(seed, dtype, size.Count, size.Size);

    private static ValidationCase<DropoutArguments> Case(int seed, DType dtype, int count, ValidationSize size)
    {
        const float Probability = 0.3f;
        const ulong Key = 0x123456789abcdef0, Stream = 0xfedcba9876543210;
        var data = new CaseData(CaseData.Seed(seed, count), dtype);
        float[] input = data.Uniform(count);
        return new ValidationCase<DropoutArguments>(
            $"{count} p={Probability} {dtype}",
            size,
            dtype,
            device => new DropoutArguments(Tensor.From(device, [count], input, dtype), Tensor.Empty(device, [count], dtype), Probability, Key, Stream),
            static arguments => [("output", arguments.Output)],
            () => [data.Expect("output", DropoutReference.Forward(CaseData.Convert<double>(input), Probability, Key, Stream),
                DropoutReference.Forward(input, Probability, Key, Stream))]);
    }
}
