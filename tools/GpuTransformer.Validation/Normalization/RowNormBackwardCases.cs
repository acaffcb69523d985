using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep that the gradients of the normalisations share.</summary>
internal static class RowNormBackwardCases
{
    /// <summary>
    /// The oracle in one precision: output gradient, input, gain (empty for none), rows, dim → input gradient and the gain's gradient for whole rows.
    /// </summary>
    public delegate (T[] Input, T[] Gain) Oracle<T>(T[] outputGradient, T[] input, T[] gain, int rows, int dim);

    /// <summary>A case for each shape and storage type.</summary>
    public static IEnumerable<ValidationCase<RowNormBackwardArguments<TNormalization>>> Sweep<TNormalization>(
        int seed, float gainOffset, float epsilon, Oracle<double> exact, Oracle<float> plain)
        where TNormalization : unmanaged, INormalization
        => from dtype in ElementwiseCases.DTypes
           from s in RowNormCases.Shapes
           select Case<TNormalization>(seed, dtype, s.Rows, s.Dim, s.Groups, s.Size, gainOffset, epsilon, exact, plain);

    private static ValidationCase<RowNormBackwardArguments<TNormalization>> Case<TNormalization>(
        int seed, DType dtype, int rows, int dim, int groups, ValidationSize size, float gainOffset, float epsilon, Oracle<double> exact, Oracle<float> plain)
        where TNormalization : unmanaged, INormalization
    {
        var data = new CaseData(CaseData.Seed(seed, rows, dim, groups), dtype);
        float[] outputGradient = data.Uniform(rows * dim), input = data.Uniform(rows * dim, 3f);
        float[] gain = data.Uniform(RowNormCases.GainShape(groups, dim).Count), expanded = RowNormCases.Expand(gain, groups, dim);
        return new ValidationCase<RowNormBackwardArguments<TNormalization>>(
            $"{rows}x{dim} {RowNormCases.Label(groups)} {dtype}",
            size,
            dtype,
            device =>
            {
                Tensor x = Tensor.From(device, [rows, dim], input, dtype);
                Tensor? g = groups == 0 ? null : Tensor.From(device, RowNormCases.GainShape(groups, dim), gain, dtype);
                return RowNormBackwardArguments<TNormalization>.Create(
                    Tensor.From(device, x.Shape, outputGradient, dtype), x, GainRows.Check(x, g, "gain", gainOffset), epsilon, wantsGain: true);
            },
            static arguments
                => arguments.GainSum is { } gainSum
                    ? [("inputGradient", arguments.InputGradient), ("gainGradient", gainSum.Output)]
                    : [("inputGradient", arguments.InputGradient)],
            () =>
            {
                (double[] exactInput, double[] exactGain) = exact(
                    CaseData.Convert<double>(outputGradient), CaseData.Convert<double>(input), CaseData.Convert<double>(expanded), rows, dim);
                (float[] plainInput, float[] plainGain) = plain(outputGradient, input, expanded, rows, dim);
                return
                [
                    data.Expect("inputGradient", exactInput, plainInput),
                    data.Expect("gainGradient", SumRowsReference.Collapse(exactGain, dim, groups < 0), SumRowsReference.Collapse(plainGain, dim, groups < 0)),
                ];
            },
            isGradient: true);
    }
}
