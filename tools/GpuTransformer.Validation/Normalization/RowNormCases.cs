using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep that the normalisations share.</summary>
internal static class RowNormCases
{
    /// <summary>Rows × width × gain rows: 0 for no gain, −1 for one number.</summary>
    public static readonly (int Rows, int Dim, int Groups, ValidationSize Size)[] Shapes =
    [
        (1, 1, 1, ValidationSize.Tiny), (3, 17, 1, ValidationSize.Tiny), (4, 40, 2, ValidationSize.Tiny), (5, 40, 0, ValidationSize.Tiny),
        (2, 80, -1, ValidationSize.Tiny),
        (64, 256, 1, ValidationSize.Quick), (7, 443, 7, ValidationSize.Quick), (129, 1023, 3, ValidationSize.Quick), (1023, 80, 1, ValidationSize.Full),
        (4, 8191, 1, ValidationSize.Full),
    ];

    /// <summary>The oracle in one precision: input, gain (empty for none), rows, dim → output.</summary>
    public delegate T[] Oracle<T>(T[] input, T[] gain, int rows, int dim);

    /// <summary>A case for each shape and storage type.</summary>
    public static IEnumerable<ValidationCase<RowNormArguments<TNormalization>>> Sweep<TNormalization>(
        int seed, float gainOffset, float epsilon, Oracle<double> exact, Oracle<float> plain)
        where TNormalization : unmanaged, INormalization
        => from dtype in ElementwiseCases.DTypes
           from shape in Shapes
           select Case<TNormalization>(seed, dtype, shape.Rows, shape.Dim, shape.Groups, shape.Size, gainOffset, epsilon, exact, plain);

    /// <summary>How the gain of a case is called.</summary>
    public static string Label(int groups) => groups switch
    {
        0 => "no gain",
        < 0 => "one gain",
        _ => $"{groups} gain rows",
    };

    /// <summary>The shape of the gain tensor of a case.</summary>
    public static Shape GainShape(int groups, int dim) => groups < 0 ? [1] : [groups, dim];

    /// <summary>The gain as the oracle takes it: a whole row also where one number is stored.</summary>
    public static float[] Expand(float[] gain, int groups, int dim) => groups < 0 ? [.. Enumerable.Repeat(gain[0], dim)] : gain;

    private static ValidationCase<RowNormArguments<TNormalization>> Case<TNormalization>(
        int seed, DType dtype, int rows, int dim, int groups, ValidationSize size, float gainOffset, float epsilon, Oracle<double> exact, Oracle<float> plain)
        where TNormalization : unmanaged, INormalization
    {
        var data = new CaseData(CaseData.Seed(seed, rows, dim, groups), dtype);
        float[] input = data.Uniform(rows * dim, 3f), gain = data.Uniform(GainShape(groups, dim).Count), expanded = Expand(gain, groups, dim);
        return new ValidationCase<RowNormArguments<TNormalization>>(
            $"{rows}x{dim} {Label(groups)} {dtype}",
            size,
            dtype,
            device =>
            {
                Tensor x = Tensor.From(device, [rows, dim], input, dtype);
                Tensor? g = groups == 0 ? null : Tensor.From(device, GainShape(groups, dim), gain, dtype);
                return new RowNormArguments<TNormalization>(x, GainRows.Check(x, g, "gain", gainOffset), Tensor.Empty(device, x.Shape, dtype), epsilon);
            },
            static arguments => [("output", arguments.Output)],
            () => [data.Expect("output", exact(CaseData.Convert<double>(input), CaseData.Convert<double>(expanded), rows, dim),
                plain(input, expanded, rows, dim))]);
    }
}
