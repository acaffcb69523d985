using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweeps of Rank and ArgExtreme: their answers are exact.</summary>
internal static class RankCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(RankArguments.Definition, Ranks);

    public static readonly OperatorSweep ArgExtremeSweep = OperatorSweep.Of(ArgExtremeArguments.Definition, Places);

    private static readonly (int[] Shape, int Axis, int Count, ValidationSize Size)[] s_shapes =
    [
        ([1, 1], 1, 1, ValidationSize.Tiny), ([3, 17], 1, 17, ValidationSize.Tiny), ([2, 9, 5], 1, 4, ValidationSize.Tiny),
        ([3, 259], 1, 129, ValidationSize.Quick), ([2, 80, 3], 0, 2, ValidationSize.Quick), ([5, 1023], 1, 1, ValidationSize.Quick),
    ];

    private static IEnumerable<ValidationCase<RankArguments>> Ranks(int seed)
    {
        foreach ((int[] shape, int axis, int count, ValidationSize size) in s_shapes)
        {
            foreach (bool descending in new[] { false, true })
            {
                (float[] values, AxisRows rows) = Input(seed, shape, axis);
                Shape output = rows.With(shape, count);
                yield return new ValidationCase<RankArguments>(
                    $"{count} of {new Shape(shape)} axis {axis} {(descending ? "largest" : "smallest")} first",
                    size,
                    DType.Float32,
                    device => new RankArguments(
                        Tensor.From(device, shape, values), Tensor.Empty(device, output), Tensor.Empty(device, output, DType.Int64), rows.Rows, rows.Length,
                        count,
                        rows.Inner, descending),
                    static a => [("values", a.Values), ("indices", a.Indices)],
                    () =>
                    {
                        double[] sorted = new double[output.Count], places = new double[output.Count];
                        foreach ((int start, int target) in RowStarts(rows, count))
                        {
                            int[] order = Order(values, rows, start, descending);
                            for (int k = 0; k < count; k++)
                                (sorted[target + k * rows.Inner], places[target + k * rows.Inner]) = (values[start + order[k] * rows.Inner], order[k]);
                        }

                        return [new Expected("values", sorted, sorted), new Expected("indices", places, places)];
                    });
            }
        }
    }

    private static IEnumerable<ValidationCase<ArgExtremeArguments>> Places(int seed)
    {
        foreach ((int[] shape, int axis, _, ValidationSize size) in s_shapes)
        {
            foreach (bool descending in new[] { false, true })
            {
                (float[] values, AxisRows rows) = Input(seed, shape, axis);
                yield return new ValidationCase<ArgExtremeArguments>(
                    $"{new Shape(shape)} axis {axis} {(descending ? "largest" : "smallest")}",
                    size,
                    DType.Float32,
                    device => new ArgExtremeArguments(
                        Tensor.From(device, shape, values), Tensor.Empty(device, [rows.Rows], DType.Int64), rows.Rows, rows.Length, rows.Inner, descending),
                    static a => [("indices", a.Indices)],
                    () =>
                    {
                        double[] places = [.. RowStarts(rows, 1).Select(row => (double)Order(values, rows, row.Start, descending)[0])];
                        return [new Expected("indices", places, places)];
                    });
            }
        }
    }

    // Numbers of which many are equal, zeros of both signs among them.
    private static (float[] Values, AxisRows Rows) Input(int seed, int[] shape, int axis)
    {
        float[] values = new CaseData(CaseData.Seed(seed, shape), DType.Float32).Uniform(new Shape(shape).Count, 8f);
        return (Array.ConvertAll(values, static x => MathF.Round(x)), AxisRows.Of(shape, axis, nameof(axis)));
    }

    private static int[] Order(float[] values, AxisRows rows, int start, bool descending)
    {
        IEnumerable<int> all = Enumerable.Range(0, rows.Length);
        return [.. descending ? all.OrderByDescending(k => values[start + k * rows.Inner]) : all.OrderBy(k => values[start + k * rows.Inner])];
    }

    // Where each row begins in the input, and where in an output that has `count` of its numbers.
    private static IEnumerable<(int Start, int Target)> RowStarts(AxisRows rows, int count)
        => from outer in Enumerable.Range(0, rows.Outer)
           from inner in Enumerable.Range(0, rows.Inner)
           select (outer * rows.Length * rows.Inner + inner, outer * count * rows.Inner + inner);
}
