using GpuTransformer.Kernels.Reference;

namespace GpuTransformer.Host;

internal static partial class LayerNormOperator
{
    private static IEnumerable<ValidationCase<LayerNormArguments>> Cases(int seed)
    {
        (int Rows, int Dim, int Groups, ValidationSize Size)[] shapes =
        [
            (1, 1, 1, ValidationSize.Tiny), (3, 17, 1, ValidationSize.Tiny), (4, 40, 2, ValidationSize.Tiny), (5, 40, 0, ValidationSize.Tiny),
            (64, 256, 1, ValidationSize.Quick), (7, 443, 7, ValidationSize.Quick), (129, 1023, 3, ValidationSize.Quick), (1023, 80, 1, ValidationSize.Full), (4, 8191, 1, ValidationSize.Full),
        ];
        foreach (DType dtype in new[] { DType.Float32, DType.Float16, DType.BFloat16 })
        {
            foreach ((int rows, int dim, int groups, ValidationSize size) in shapes)
                yield return Case(seed, dtype, rows, dim, groups, size);
        }
    }

    private static ValidationCase<LayerNormArguments> Case(int seed, DType dtype, int rows, int dim, int groups, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, rows, dim, groups), dtype);
        float[] input = data.Uniform(rows * dim, 3f), gain = data.Uniform(groups * dim);
        return new ValidationCase<LayerNormArguments>(
            $"{rows}x{dim} {(groups == 0 ? "no gain" : $"{groups} gain rows")} {dtype}",
            size,
            dtype,
            device =>
            {
                Tensor x = Tensor.From(device, [rows, dim], input, dtype);
                return new LayerNormArguments(x, groups == 0 ? null : Tensor.From(device, [groups, dim], gain, dtype), Tensor.Empty(device, x.Shape, dtype), 1f, 1e-5f);
            },
            static arguments => [("output", arguments.Output)],
            () =>
            [
                data.Expect(
                    "output",
                    LayerNormReference.Forward(CaseData.Convert<double>(input), CaseData.Convert<double>(gain), rows, dim, 1, 1e-5f),
                    LayerNormReference.Forward(input, gain, rows, dim, 1, 1e-5f)),
            ]);
    }
}
