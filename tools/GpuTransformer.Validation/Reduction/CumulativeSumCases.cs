using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of CumulativeSum.</summary>
internal static class CumulativeSumCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(CumulativeSumArguments.Definition, Cases);

    private static IEnumerable<ValidationCase<CumulativeSumArguments>> Cases(int seed)
    {
        foreach ((int[] shape, int axis, ValidationSize size) in new[]
        {
            (new[] { 1, 1 }, 1, ValidationSize.Tiny), ([3, 17], 1, ValidationSize.Tiny), ([2, 70, 5], 1, ValidationSize.Tiny),
            ([3, 1023], 1, ValidationSize.Quick),
            ([443, 7], 0, ValidationSize.Quick),
        })
        {
            foreach (bool reverse in new[] { false, true })
            {
                float[] input = new CaseData(CaseData.Seed(seed, shape), DType.Float32).Uniform(new Shape(shape).Count);
                var rows = AxisRows.Of(shape, axis, nameof(axis));
                yield return new ValidationCase<CumulativeSumArguments>(
                    $"{new Shape(shape)} axis {axis}{(reverse ? " from the end" : string.Empty)}",
                    size,
                    DType.Float32,
                    device => new CumulativeSumArguments(
                        Tensor.From(device, shape, input), Tensor.Empty(device, shape), rows.Rows, rows.Length, rows.Inner, reverse),
                    static a => [("output", a.Output)],
                    () => [new Expected("output", Sums<double>(input, rows, reverse),
                        Array.ConvertAll(Sums<float>(input, rows, reverse), static x => (double)x))]);
            }
        }
    }

    private static T[] Sums<T>(float[] input, AxisRows rows, bool reverse)
        where T : System.Numerics.IFloatingPointIeee754<T>
    {
        var output = new T[input.Length];
        for (int row = 0; row < rows.Rows; row++)
        {
            int start = row / rows.Inner * rows.Length * rows.Inner + row % rows.Inner;
            T sum = T.Zero;
            for (int k = 0; k < rows.Length; k++)
            {
                int at = start + (reverse ? rows.Length - 1 - k : k) * rows.Inner;
                output[at] = sum += T.CreateChecked(input[at]);
            }
        }

        return output;
    }
}
