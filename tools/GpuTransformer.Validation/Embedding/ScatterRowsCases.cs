using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of ScatterRows.</summary>
internal static class ScatterRowsCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(ScatterRowsArguments.Definition, Cases);

    private static IEnumerable<ValidationCase<ScatterRowsArguments>> Cases(int seed)
    {
        (int Batch, int Rows, int OutputRows, int Dim, bool LongIndex, float Scale, ValidationSize Size)[] shapes =
        [
            (1, 1, 1, 1, false, 1f, ValidationSize.Tiny), (2, 9, 5, 40, false, 1f, ValidationSize.Tiny), (1, 17, 11, 80, true, 0.3f, ValidationSize.Tiny),
            (1, 0, 3, 17, false, 1f, ValidationSize.Tiny),
            (3, 110, 443, 256, false, 1f, ValidationSize.Quick), (1, 2500, 17, 443, true, 1f, ValidationSize.Quick),
            (2, 1023, 129, 300, false, 1f, ValidationSize.Quick),
            (1, 1023, 3, 5003, false, 1f, ValidationSize.Full),
        ];
        return from dtype in ElementwiseCases.DTypes
               from s in shapes
               select Case(seed, dtype, s.Batch, s.Rows, s.OutputRows, s.Dim, s.LongIndex, s.Scale, s.Size);
    }

    private static ValidationCase<ScatterRowsArguments> Case(
        int seed, DType dtype, int batch, int rows, int outputRows, int dim, bool longIndex, float scale, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, batch, rows, outputRows), dtype);
        float[] input = data.Uniform(batch * rows * dim);
        int[] index = data.Integers(batch * rows, outputRows), targets = [.. index.Select((v, i) => longIndex && i % 3 == 1 ? -1 : i / rows * outputRows + v)];
        return new ValidationCase<ScatterRowsArguments>(
            $"{batch}x{rows}x{dim} to {outputRows} rows{(longIndex ? " 64-bit ids" : string.Empty)} {dtype}",
            size,
            dtype,
            device => new ScatterRowsArguments(
                Tensor.From(device, [batch, rows, dim], input, dtype),
                longIndex ? Tensor.From(device, [batch, rows], Lengthened(index, targets)) : Tensor.From(device, [batch, rows], index),
                Tensor.Empty(device, [batch, outputRows, dim], dtype),
                scale),
            static arguments => [("output", arguments.Output)],
            () =>
            [
                data.Expect(
                    "output",
                    ScatterRowsReference.Forward(CaseData.Convert<double>(input), targets, batch * outputRows, dim, scale),
                    ScatterRowsReference.Forward(input, targets, batch * outputRows, dim, scale)),
            ],
            isGradient: true);
    }

    // Those that go nowhere have a low half that is a row.
    private static long[] Lengthened(int[] index, int[] targets) => [.. index.Select((v, i) => targets[i] < 0 ? v + ((i % 2 == 0 ? 1L : -1L) << 32) : v)];
}
