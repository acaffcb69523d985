using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of ScaleAndShift.</summary>
internal static class ScaleAndShiftCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(ScaleAndShiftArguments.Definition, Cases);

    private const float CaseOffset = 1f;

    private static IEnumerable<ValidationCase<ScaleAndShiftArguments>> Cases(int seed)
        => from dtype in ElementwiseCases.DTypes
           from shape in RowNormCases.Shapes
           from shiftGroups in new[] { 0, -1, shape.Groups }.Distinct()
           select Case(seed, dtype, shape.Rows, shape.Dim, shape.Groups, shiftGroups, shape.Size);

    private static ValidationCase<ScaleAndShiftArguments> Case(int seed, DType dtype, int rows, int dim, int scaleGroups, int shiftGroups, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, rows, dim, scaleGroups, shiftGroups), dtype);
        float[] input = data.Uniform(rows * dim, 3f);
        float[] scale = data.Uniform(RowNormCases.GainShape(scaleGroups, dim).Count), shift = data.Uniform(RowNormCases.GainShape(shiftGroups, dim).Count);
        float[] wholeScale = RowNormCases.Expand(scale, scaleGroups, dim), wholeShift = RowNormCases.Expand(shift, shiftGroups, dim);
        return new ValidationCase<ScaleAndShiftArguments>(
            $"{rows}x{dim} scale: {RowNormCases.Label(scaleGroups)}, shift: {RowNormCases.Label(shiftGroups)} {dtype}",
            size,
            dtype,
            device =>
            {
                Tensor x = Tensor.From(device, [rows, dim], input, dtype);
                return new ScaleAndShiftArguments(
                    x, Rows(x, scaleGroups, scale, CaseOffset, 1f), Rows(x, shiftGroups, shift, 0f, 0f), Tensor.Empty(device, x.Shape, dtype));
            },
            static arguments => [("output", arguments.Output)],
            () =>
            [
                data.Expect(
                    "output",
                    ScaleAndShiftReference.Forward(
                        CaseData.Convert<double>(input), CaseData.Convert<double>(wholeScale), CaseData.Convert<double>(wholeShift), rows, dim, CaseOffset),
                    ScaleAndShiftReference.Forward(input, wholeScale, wholeShift, rows, dim, CaseOffset)),
            ]);
    }

    private static GainRows Rows(Tensor input, int groups, float[] values, float offset, float none)
        => GainRows.Check(
            input,
            groups == 0 ? null : Tensor.From(input.Device, RowNormCases.GainShape(groups, input.Shape[^1]), values, input.DType),
            "values",
            offset,
            none);
}
