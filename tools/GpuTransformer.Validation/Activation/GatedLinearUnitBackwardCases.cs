using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of GatedLinearUnitBackward.</summary>
internal static class GatedLinearUnitBackwardCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(GatedLinearUnitBackwardArguments.Definition, Cases);

    private static IEnumerable<ValidationCase<GatedLinearUnitBackwardArguments>> Cases(int seed)
        => from dtype in ElementwiseCases.DTypes
           from c in GatedLinearUnitCases.Configurations
           select Case(seed, dtype, c.Rows, c.Inner, c.Activation, c.Multiplied, c.ValueClamp, c.GateClamp, c.Size);

    private static ValidationCase<GatedLinearUnitBackwardArguments> Case(
        int seed, DType dtype, int rows, int inner, Activation activation, bool multiplied, float valueClamp, float gateClamp, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, rows, inner), dtype);
        float[] gradient = data.Uniform(rows * inner), input = data.Uniform(rows * 2 * inner, 4f), multiplier = multiplied ? data.Uniform(inner) : [];
        return new ValidationCase<GatedLinearUnitBackwardArguments>(
            GatedLinearUnitCases.Describe(rows, inner, activation, multiplied, valueClamp, gateClamp, dtype),
            size,
            dtype,
            device => GatedLinearUnitBackwardArguments.Create(
                Tensor.From(device, [rows, inner], gradient, dtype),
                Tensor.From(device, [rows, 2 * inner], input, dtype),
                multiplied ? Tensor.From(device, [inner], multiplier, dtype) : null,
                activation,
                valueClamp,
                gateClamp,
                wantsMultiplier: true),
            static arguments => arguments.MultiplierSum is { } sum
                ? [("inputGradient", arguments.InputGradient), ("multiplierGradient", sum.Output)]
                : [("inputGradient", arguments.InputGradient)],
            () =>
            {
                (double[] exact, double[] exactMultiplier) = GatedLinearUnitReference.Backward(
                    CaseData.Convert<double>(gradient),
                    CaseData.Convert<double>(input),
                    CaseData.Convert<double>(multiplier),
                    inner,
                    (int)activation,
                    valueClamp,
                    gateClamp);
                (float[] plain, float[] plainMultiplier) = GatedLinearUnitReference.Backward(
                    gradient, input, multiplier, inner, (int)activation, valueClamp, gateClamp);
                return [data.Expect("inputGradient", exact, plain), data.Expect("multiplierGradient", exactMultiplier, plainMultiplier)];
            },
            isGradient: true);
    }
}
