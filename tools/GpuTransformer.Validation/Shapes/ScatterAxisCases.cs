using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of ScatterAxis.</summary>
internal static class ScatterAxisCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(ScatterAxisArguments.Definition, Cases);

    private static IEnumerable<ValidationCase<ScatterAxisArguments>> Cases(int seed)
    {
        foreach ((int[] shape, int axis, int count, ValidationSize size) in new[]
        {
            (new[] { 5 }, 0, 9, ValidationSize.Tiny), ([2, 7, 5], 1, 9, ValidationSize.Tiny), ([3, 4], 1, 1, ValidationSize.Tiny),
            ([17, 443], 0, 33, ValidationSize.Quick), ([2, 3, 1043], 1, 6, ValidationSize.Quick), ([259, 17], 1, 70, ValidationSize.Quick),
        })
        {
            foreach (bool isList in new[] { false, true })
            {
                var data = new CaseData(CaseData.Seed(seed, shape), DType.Float32);
                var rows = AxisRows.Of(shape, axis, nameof(axis));
                Shape from = rows.With(shape, count);
                float[] input = data.Uniform(new Shape(shape).Count), source = data.Uniform(from.Count);
                int[] index = data.Integers(isList ? count : from.Count, rows.Length);
                yield return new ValidationCase<ScatterAxisArguments>(
                    $"{from} into {new Shape(shape)} axis {axis}{(isList ? " by one list" : string.Empty)}",
                    size,
                    DType.Float32,
                    device => ScatterAxisArguments.Create(
                        Tensor.From(device, shape, input), axis,
                        isList ? Tensor.From(device, [count], Array.ConvertAll(index, static i => (long)i)) : Tensor.From(device, from, index),
                        Tensor.From(device, from, source), Tensor.Empty(device, shape)),
                    static a => [("output", a.Output)],
                    () => [new Expected("output", Add<double>(), Array.ConvertAll(Add<float>(), static x => (double)x))]);

                T[] Add<T>()
                    where T : System.Numerics.IFloatingPointIeee754<T>
                {
                    T[] output = CaseData.Convert<T>(input);
                    for (int i = 0; i < source.Length; i++)
                    {
                        int row = i / rows.Inner, outer = row / count, k = row % count;
                        output[(outer * rows.Length + index[isList ? k : i]) * rows.Inner + i % rows.Inner] += T.CreateChecked(source[i]);
                    }

                    return output;
                }
            }
        }
    }
}
