using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of SoftmaxBackward.</summary>
internal static class SoftmaxBackwardCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(SoftmaxBackwardArguments.Definition, Cases);

    private static IEnumerable<ValidationCase<SoftmaxBackwardArguments>> Cases(int seed)
        => from dtype in ElementwiseCases.DTypes
           from shape in SoftmaxCases.Shapes
           select Case(seed, dtype, shape.Rows, shape.Dim, shape.Size);

    private static ValidationCase<SoftmaxBackwardArguments> Case(int seed, DType dtype, int rows, int dim, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, rows, dim), dtype);
        float[] gradient = data.Uniform(rows * dim);
        float[] output = Array.ConvertAll(SoftmaxReference.Forward(data.Uniform(rows * dim, 3f), dim), y => FloatConversion.Round(y, dtype));
        return new ValidationCase<SoftmaxBackwardArguments>(
            $"{rows}x{dim} {dtype}",
            size,
            dtype,
            device => new SoftmaxBackwardArguments(
                Tensor.From(device, [rows, dim], gradient, dtype), Tensor.From(device, [rows, dim], output, dtype), Tensor.Empty(device, [rows, dim], dtype)),
            static arguments => [("inputGradient", arguments.InputGradient)],
            () =>
            [
                data.Expect(
                    "inputGradient",
                    SoftmaxReference.Backward(CaseData.Convert<double>(gradient), CaseData.Convert<double>(output), dim),
                    SoftmaxReference.Backward(gradient, output, dim)),
            ],
            isGradient: true);
    }
}
