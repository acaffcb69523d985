using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Attention.</summary>
internal static class AttentionCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(AttentionOperator.Definition, Cases);

    private static readonly DType[] _realTypes = [DType.Float32, DType.Float16, DType.BFloat16];

    private static IEnumerable<ValidationCase<AttentionArguments>> Cases(int seed)
    {
        foreach (AttentionProblem problem in AttentionProblem.Sweep)
        {
            foreach (DType dtype in _realTypes)
            {
                // Rules act on float32 scores whatever the storage: one data type proves the rare ones.
                if (dtype == DType.Float32 || problem.EveryType)
                    yield return Case(seed, dtype, problem);
            }
        }
    }

    private static ValidationCase<AttentionArguments> Case(int seed, DType dtype, AttentionProblem problem)
    {
        var arrays = new AttentionProblemData(problem, seed, dtype);
        return new ValidationCase<AttentionArguments>(
            $"{problem} {dtype}",
            problem.Size,
            dtype,
            device =>
            {
                Tensor? logSumExp = !problem.ComparesLogSumExp ? null : Tensor.Empty(device, [problem.Batch, problem.Heads, problem.Queries]);
                return AttentionOperator.Prepare(arrays.Query(device), arrays.Key(device), arrays.Value(device), arrays.Options(device), logSumExp);
            },
            static arguments
                => arguments.LogSumExp is { } logSumExp ? [("output", arguments.Output), ("log-sum-exp", logSumExp)] : [("output", arguments.Output)],
            () =>
            {
                AttentionReferenceOutputs<double> exact = AttentionReference.Forward(arrays.Shape, arrays.Rules, arrays.Inputs<double>());
                AttentionReferenceOutputs<float> plain = AttentionReference.Forward(arrays.Shape, arrays.Rules, arrays.Inputs<float>());
                return
                [
                    arrays.Expect("output", exact.Output, plain.Output),
                    new Expected("log-sum-exp", exact.LogSumExp, Array.ConvertAll(plain.LogSumExp, static v => (double)v)),
                ];
            });
    }
}
