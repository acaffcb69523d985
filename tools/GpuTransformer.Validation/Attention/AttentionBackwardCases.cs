using System.Numerics;
using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of AttentionBackward.</summary>
internal static class AttentionBackwardCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(AttentionBackwardOperator.Definition, Cases);

    private static IEnumerable<ValidationCase<AttentionBackwardArguments>> Cases(int seed)
    {
        foreach (AttentionProblem problem in AttentionProblem.Sweep.Where(static p => !p.ForwardOnly))
        {
            yield return Case(seed, DType.Float32, problem);
            if (problem.EveryType)
            {
                yield return Case(seed, DType.Float16, problem);
                yield return Case(seed, DType.BFloat16, problem);
            }
        }
    }

    private static ValidationCase<AttentionBackwardArguments> Case(int seed, DType dtype, AttentionProblem problem)
    {
        var arrays = new AttentionProblemData(problem, seed, dtype);
        var data = new CaseData(CaseData.Seed(seed, problem.Keys, problem.Queries), dtype);
        float[] outputGradient = data.Uniform(problem.Batch * arrays.Shape.OutputBatchStride);
        return new ValidationCase<AttentionBackwardArguments>(
            $"{problem} {dtype}",
            problem.Size,
            dtype,
            device => Prepare(device, problem, arrays, outputGradient, dtype),
            Outputs,
            () => [.. Expect(arrays, Reference<double>(arrays, outputGradient, DType.Float32), Reference<float>(arrays, outputGradient, dtype))],
            isGradient: true);
    }

    // What forward hands over is rounded as it is stored; the oracle's float64 is not.
    private static AttentionReferenceGradients<T> Reference<T>(AttentionProblemData arrays, float[] outputGradient, DType dtype)
        where T : IFloatingPointIeee754<T>
    {
        AttentionInputs<T> inputs = arrays.Inputs<T>();
        AttentionReferenceOutputs<T> forward = AttentionReference.Forward(arrays.Shape, arrays.Rules, inputs);
        if (dtype != DType.Float32)
            forward = forward with { Output = Array.ConvertAll(forward.Output, v => T.CreateChecked(FloatConversion.Round(float.CreateChecked(v), dtype))) };
        return AttentionBackwardReference.Backward(arrays.Shape, arrays.Rules, inputs, forward, CaseData.Convert<T>(outputGradient));
    }

    // The forward runs on the same device first: backward starts from what it stored.
    private static AttentionBackwardArguments Prepare(
        ComputeDevice device, AttentionProblem problem, AttentionProblemData arrays, float[] outputGradient, DType dtype)
    {
        Tensor query = arrays.Query(device), key = arrays.Key(device), value = arrays.Value(device);
        Tensor normalizer = Tensor.Empty(device, AttentionGeometry.Normalizer(arrays.Shape));
        ScoreOptions options = arrays.Options(device);
        Tensor output = Operators.Attention(query, key, value, options, normalizer: normalizer);
        return AttentionBackwardOperator.Prepare(
            Tensor.From(device, output.Shape, outputGradient, dtype), query, key, value, output, normalizer, options, options.Bias is not null,
            options.DistanceBias is not null);
    }

    private static List<(string Name, Tensor Tensor)> Outputs(AttentionBackwardArguments arguments)
    {
        List<(string Name, Tensor Tensor)> outputs =
        [
            ("queryGradient", arguments.QueryGradient), ("keyGradient", arguments.KeyGradient), ("valueGradient", arguments.ValueGradient),
        ];
        if (arguments.BiasGradient is { } bias)
            outputs.Add(("biasGradient", bias));
        if (arguments.DistanceGradient is { } distances)
            outputs.Add(("distanceBiasGradient", distances));
        return outputs;
    }

    private static IEnumerable<Expected> Expect(
        AttentionProblemData arrays, AttentionReferenceGradients<double> exact, AttentionReferenceGradients<float> plain)
    {
        yield return arrays.Expect("queryGradient", exact.Query, plain.Query);
        yield return arrays.Expect("keyGradient", exact.Key, plain.Key);
        yield return arrays.Expect("valueGradient", exact.Value, plain.Value);
        if (exact.Bias is not null)
            yield return new Expected("biasGradient", exact.Bias, Array.ConvertAll(plain.Bias!, static v => (double)v));
        if (exact.Distances is not null)
            yield return new Expected("distanceBiasGradient", exact.Distances, Array.ConvertAll(plain.Distances!, static v => (double)v));
    }
}
