using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of Softmax.</summary>
internal static class SoftmaxCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(SoftmaxArguments.Definition, Cases);

    /// <summary>What the sweeps of forward and backward run over.</summary>
    internal static readonly (int Rows, int Dim, ValidationSize Size)[] Shapes =
    [
        (1, 1, ValidationSize.Tiny), (3, 17, ValidationSize.Tiny), (2, 80, ValidationSize.Tiny),
        (17, 443, ValidationSize.Quick), (129, 1023, ValidationSize.Quick), (5, 8191, ValidationSize.Full),
    ];

    private static readonly bool[] s_hides = [false, true];

    private static IEnumerable<ValidationCase<SoftmaxArguments>> Cases(int seed)
        => from dtype in ElementwiseCases.DTypes
           from shape in Shapes
           from hides in s_hides
           select Case(seed, dtype, shape.Rows, shape.Dim, shape.Size, hides);

    private static ValidationCase<SoftmaxArguments> Case(int seed, DType dtype, int rows, int dim, ValidationSize size, bool hides)
    {
        var data = new CaseData(CaseData.Seed(seed, rows, dim), dtype);

        // A large common offset would overflow if the maximum were not subtracted.
        float[] input = Array.ConvertAll(data.Uniform(rows * dim, 8f), x => FloatConversion.Round(x + 100f, dtype));

        // The first row is hidden as a whole, of the others a third.
        if (hides)
        {
            bool[] hidden = data.Flags(input.Length, 1.0 / 3);
            input = [.. input.Select((x, i) => i < dim || hidden[i] ? float.NegativeInfinity : x)];
        }

        return new ValidationCase<SoftmaxArguments>(
            $"{rows}x{dim}{(hides ? " with −∞" : string.Empty)} {dtype}",
            size,
            dtype,
            device => new SoftmaxArguments(Tensor.From(device, [rows, dim], input, dtype), Tensor.Empty(device, [rows, dim], dtype)),
            static arguments => [("output", arguments.Output)],
            () => [data.Expect("output", SoftmaxReference.Forward(CaseData.Convert<double>(input), dim), SoftmaxReference.Forward(input, dim))]);
    }
}
