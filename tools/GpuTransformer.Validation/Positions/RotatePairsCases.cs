using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of RotatePairs.</summary>
internal static class RotatePairsCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(RotatePairsArguments.Definition, Cases);

    private static readonly (int Batch, int Length, int Heads, int Width, int Rotated, int FirstHead, bool PerSample, ValidationSize Size)[] s_configurations =
    [
        (1, 1, 1, 2, 2, 0, false, ValidationSize.Tiny),
        (2, 3, 2, 5, 4, 0, false, ValidationSize.Tiny),
        (2, 3, 3, 40, 18, 1, true, ValidationSize.Tiny),
        (3, 2, 1, 7, 0, 0, false, ValidationSize.Tiny),
        (2, 147, 8, 64, 32, 0, false, ValidationSize.Quick),
        (3, 17, 4, 80, 80, 3, true, ValidationSize.Quick),
        (1, 443, 3, 43, 42, 0, true, ValidationSize.Quick),
        (2, 1023, 8, 128, 64, 0, false, ValidationSize.Full),
    ];

    private static IEnumerable<ValidationCase<RotatePairsArguments>> Cases(int seed)
        => from dtype in new[] { DType.Float32, DType.Float16, DType.BFloat16 }
           from c in s_configurations
           from sign in new[] { 1, -1 }
           select Case(seed, dtype, c.Batch, c.Length, c.Heads, c.Width, c.Rotated, c.FirstHead, c.PerSample, sign, c.Size);

    private static ValidationCase<RotatePairsArguments> Case(
        int seed, DType dtype, int batch, int length, int heads, int width, int rotated, int firstHead, bool perSample, int sign, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, batch, length, heads, width, rotated), dtype);
        var numbers = new CaseData(CaseData.Seed(seed, length, rotated), DType.Float32);
        Shape shape = [batch, length, heads * width], angles = [perSample ? batch : 1, length, rotated];
        float[] input = data.Uniform(shape.Count, 4f), table = numbers.Uniform(angles.Count);
        return new ValidationCase<RotatePairsArguments>(
            $"{shape} {heads} heads from {firstHead}, {rotated} of {width} columns{(perSample ? " per sample" : string.Empty)}"
                + $"{(sign < 0 ? " back" : string.Empty)} {dtype}",
            size,
            dtype,
            device =>
            {
                Tensor x = Tensor.From(device, shape, input, dtype), angle = Tensor.From(device, angles, table);
                return new RotatePairsArguments(
                    x, angle, Tensor.Empty(device, shape, dtype), RotatePairsOperator.Shape(x, angle, heads, firstHead, sign));
            },
            static arguments => [("output", arguments.Output)],
            () => [data.Expect("output", Rotate<double>(), Rotate<float>())]);

        T[] Rotate<T>()
            where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
        {
            T[] output = CaseData.Convert<T>(input);
            for (int i = 0; i < output.Length; i++)
            {
                int column = i % width, row = i / (heads * width), head = i / width % heads;
                if (head < firstHead || column >= rotated)
                    continue;
                int angle = row % (perSample ? batch * length : length) * rotated + column / 2 * 2, other = column % 2 == 0 ? i + 1 : i - 1;
                T sine = T.CreateChecked(table[angle + 1] * (column % 2 == 0 ? -sign : sign));
                output[i] = T.CreateChecked(input[i]) * T.CreateChecked(table[angle]) + T.CreateChecked(input[other]) * sine;
            }

            return output;
        }
    }
}
