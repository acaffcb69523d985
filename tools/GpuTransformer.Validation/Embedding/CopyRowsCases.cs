using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of CopyRows.</summary>
internal static class CopyRowsCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(CopyRowsArguments.Definition, Cases);

    /// <summary>One case: how the rows are chosen, beside their number and width.</summary>
    private readonly record struct Configuration(string Label, int Batch, int InputRows, int Rows, int Dim, ValidationSize Size)
    {
        public bool Indexed { get; init; }

        public bool LongIndex { get; init; }

        public bool Masked { get; init; }

        public bool Broadcast { get; init; }

        public int InputStart { get; init; }

        public int OutputStart { get; init; }

        public float Scale { get; init; } = 1f;
    }

    private static readonly Configuration[] Configurations =
    [
        new("slice", 2, 5, 3, 17, ValidationSize.Tiny) { InputStart = 2 },
        new("slice in front of and behind the input", 2, 3, 7, 17, ValidationSize.Tiny) { InputStart = -2 },
        new("append to each batch", 3, 1, 1, 1, ValidationSize.Tiny) { OutputStart = 4 },
        new("broadcast", 3, 2, 2, 40, ValidationSize.Tiny) { Broadcast = true },
        new("gather", 2, 5, 9, 40, ValidationSize.Tiny) { Indexed = true },
        new("embed 64-bit ids, scaled", 1, 11, 17, 80, ValidationSize.Tiny) { Indexed = true, LongIndex = true, Scale = 0.3f },
        new("mask", 1, 17, 17, 40, ValidationSize.Tiny) { Masked = true },
        new("gather", 3, 443, 110, 256, ValidationSize.Quick) { Indexed = true },
        new("embed 64-bit ids, masked", 1, 1023, 443, 443, ValidationSize.Quick) { Indexed = true, LongIndex = true, Masked = true },
        new("append to each batch", 17, 40, 40, 1023, ValidationSize.Full) { OutputStart = 3 },
    ];

    private static IEnumerable<ValidationCase<CopyRowsArguments>> Cases(int seed)
        => from dtype in ElementwiseCases.DTypes
           from configuration in Configurations
           select Case(seed, dtype, configuration);

    private static ValidationCase<CopyRowsArguments> Case(int seed, DType dtype, Configuration c)
    {
        var data = new CaseData(CaseData.Seed(seed, c.InputRows, c.Rows, c.Dim), dtype);
        int inputBatch = c.Broadcast ? 1 : c.Batch, outputRows = c.OutputStart + c.Rows;
        float[] input = data.Uniform(inputBatch * c.InputRows * c.Dim);
        int[] index = c.Indexed ? data.Integers(c.Batch * c.Rows, c.InputRows) : [];
        bool[] mask = c.Masked ? data.Flags(c.Batch * c.Rows, 0.7) : [];
        return new ValidationCase<CopyRowsArguments>(
            $"{c.Label} {c.Batch}x{c.InputRows}x{c.Dim} to {c.Rows} rows {dtype}",
            c.Size,
            dtype,
            device => new CopyRowsArguments(
                Tensor.From(device, [inputBatch, c.InputRows, c.Dim], input, dtype),
                !c.Indexed ? null : c.LongIndex ? Tensor.From(
                    device, [c.Batch, c.Rows], Array.ConvertAll(index, i => (long)i)) : Tensor.From(device, [c.Batch, c.Rows], index),
                c.Masked ? Tensor.From(device, [c.Batch, c.Rows], mask) : null,
                Tensor.Zeros(device, [c.Batch, outputRows, c.Dim], dtype),
                CopyRowsArguments.WholeOutput(c.Batch, c.Rows, c.Dim, c.InputRows) with
                {
                    InputBroadcast = c.Broadcast ? 1 : 0,
                    InputStart = c.InputStart,
                    OutputRows = outputRows,
                    OutputStart = c.OutputStart,
                    Scale = c.Scale,
                }),
            static arguments => [("output", arguments.Output)],
            () =>
            {
                int[] sources =
                    [.. Enumerable.Range(0, c.Batch * outputRows).Select(i => Source(c, index, mask, i / outputRows, i % outputRows - c.OutputStart))];
                return
                [
                    data.Expect(
                        "output",
                        CopyRowsReference.Forward(CaseData.Convert<double>(input), sources, c.Dim, c.Scale),
                        CopyRowsReference.Forward(input, sources, c.Dim, c.Scale)),
                ];
            });
    }

    // Which row of the whole input ends up as the row-th copied one, or −1 for none.
    private static int Source(in Configuration c, int[] index, bool[] mask, int batch, int row)
    {
        if (row < 0 || (c.Masked && !mask[batch * c.Rows + row]))
            return -1;
        int source = c.Indexed ? index[batch * c.Rows + row] : c.InputStart + row;
        return source < 0 || source >= c.InputRows ? -1 : (c.Broadcast ? 0 : batch * c.InputRows) + source;
    }
}
