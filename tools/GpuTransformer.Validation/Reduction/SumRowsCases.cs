using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of SumRows.</summary>
internal static class SumRowsCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(SumRowsArguments.Definition, Cases);

    private static IEnumerable<ValidationCase<SumRowsArguments>> Cases(int seed)
    {
        (int Groups, int RowsPerGroup, int Dim, bool Product, bool ToOne, ValidationSize Size)[] shapes =
        [
            (1, 1, 1, false, false, ValidationSize.Tiny), (1, 70, 17, false, false, ValidationSize.Tiny), (3, 2, 40, true, false, ValidationSize.Tiny),
            (2, 65, 17, true, true, ValidationSize.Tiny),
            (1, 1023, 443, true, false, ValidationSize.Quick), (17, 130, 80, false, false, ValidationSize.Quick),
            (1, 443, 1023, false, true, ValidationSize.Quick),
            (1, 8192, 256, false, false, ValidationSize.Full),
        ];
        return from dtype in ElementwiseCases.DTypes
               from s in shapes
               select Case(seed, dtype, s.Groups, s.RowsPerGroup, s.Dim, s.Product, s.ToOne, s.Size);
    }

    private static ValidationCase<SumRowsArguments> Case(
        int seed, DType dtype, int groups, int rowsPerGroup, int dim, bool product, bool toOne, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, groups, rowsPerGroup, dim), dtype);
        int rows = groups * rowsPerGroup;
        float[] left = data.Uniform(rows * dim), right = product ? data.Uniform(rows * dim) : [];
        return new ValidationCase<SumRowsArguments>(
            $"{groups} groups of {rowsPerGroup}x{dim}{(product ? " products" : string.Empty)}{(toOne ? " to one number" : string.Empty)} {dtype}",
            size,
            dtype,
            device => SumRowsArguments.Create(
                Tensor.From(device, [rows, dim], left, dtype),
                product ? Tensor.From(device, [rows, dim], right, dtype) : null,
                null,
                Tensor.Empty(device, [groups, toOne ? 1 : dim], dtype),
                groups,
                toOne ? 1 : dim),
            static arguments => [("output", arguments.Output)],
            () =>
            [
                data.Expect(
                    "output",
                    SumRowsReference.Collapse(
                        SumRowsReference.Forward(CaseData.Convert<double>(left), CaseData.Convert<double>(right), groups, dim), dim, toOne),
                    SumRowsReference.Collapse(SumRowsReference.Forward(left, right, groups, dim), dim, toOne)),
            ],
            isGradient: true);
    }
}
