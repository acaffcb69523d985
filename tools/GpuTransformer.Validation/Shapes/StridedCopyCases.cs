using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of StridedCopy.</summary>
internal static class StridedCopyCases
{
    public static readonly OperatorSweep Sweep = OperatorSweep.Of(StridedCopyOperator.Definition, Cases);

    /// <summary>
    /// One way to copy: from which place of the input an element of the output comes, null for one that stays zero, and the arguments that say so.
    /// </summary>
    private sealed record Configuration(
        string Label, int[] Input, int[] Output, Func<int[], int[]?> Source, Func<Tensor, StridedCopyArguments> Arguments, ValidationSize Size);

    private static readonly Configuration[] s_configurations =
    [
        new("transpose", [17, 5], [5, 17], static o => [o[1], o[0]], static x => Operators.PermuteArguments(x, [1, 0]), ValidationSize.Tiny),
        new(
            "permute",
            [2, 3, 1, 5],
            [5, 1, 2, 3],
            static o => [o[2], o[3], o[1], o[0]],
            static x => Operators.PermuteArguments(x, [3, 2, 0, 1]),
            ValidationSize.Tiny),
        new("narrow", [3, 17, 2], [3, 4, 2], static o => [o[0], o[1] + 9, o[2]], static x => Operators.NarrowArguments(x, 1, 9, 4), ValidationSize.Tiny),
        new("expand", [3, 1, 5], [2, 3, 4, 5], static o => [o[1], 0, o[3]], static x => Operators.ExpandArguments(x, [2, 3, 4, 5]), ValidationSize.Tiny),
        new(
            "into the middle",
            [3, 2, 5],
            [3, 9, 5],
            static o => o[1] is < 4 or > 5 ? null : [o[0], o[1] - 4, o[2]],
            static x => Into(x, [3, 9, 5], 1, 4),
            ValidationSize.Tiny),
        new(
            "six axes reversed",
            [2, 3, 2, 5, 3, 7],
            [7, 3, 5, 2, 3, 2],
            static o => [.. o.Reverse()],
            static x => Operators.PermuteArguments(x, [5, 4, 3, 2, 1, 0]),
            ValidationSize.Quick),
        new(
            "gather",
            [3, 7, 2],
            [3, 4, 2],
            static o => [o[0], Picked(o[0] * 8 + o[1] * 2 + o[2]), o[2]],
            static x => Operators.GatherArguments(x, 1, Tensor.From(x.Device, [3, 4, 2], [.. Enumerable.Range(0, 24).Select(Picked)])),
            ValidationSize.Tiny),
        new(
            "select",
            [3, 7, 70],
            [3, 9, 70],
            static o => [o[0], Picked(o[1]), o[2]],
            static x => Operators.GatherArguments(x, 1, Tensor.From(x.Device, [9], [.. Enumerable.Range(0, 9).Select(static i => (long)Picked(i))])),
            ValidationSize.Quick),
        new("transpose", [443, 1023], [1023, 443], static o => [o[1], o[0]], static x => Operators.PermuteArguments(x, [1, 0]), ValidationSize.Quick),
    ];

    private static IEnumerable<ValidationCase<StridedCopyArguments>> Cases(int seed)
        => from configuration in s_configurations
           from dtype in configuration.Label == "permute" ? Enum.GetValues<DType>() : [DType.Float32, DType.BFloat16]
           select Case(seed, dtype, configuration);

    private static ValidationCase<StridedCopyArguments> Case(int seed, DType dtype, Configuration c)
    {
        var data = new CaseData(CaseData.Seed(seed, c.Input), DType.Float32);
        float[] input = Array.ConvertAll(
            data.Uniform(new Shape(c.Input).Count, 2e4f),
            x => dtype == DType.Bool ? x > 0 ? 1f : 0f : dtype.IsFloatingPoint() ? FloatConversion.Round(x, dtype) : (int)x);
        return new ValidationCase<StridedCopyArguments>(
            $"{c.Label} {new Shape(c.Input)} to {new Shape(c.Output)} {dtype}",
            c.Size,
            dtype,
            device => c.Arguments(Upload(device, c.Input, input, dtype)),
            static arguments => [("output", arguments.Output)],
            () =>
            {
                double[] exact = [.. Enumerable.Range(0, checked((int)new Shape(c.Output).Count)).Select(i => c.Source(Place(i, c.Output)) is { } at
                    ? (double)input[Number(at, c.Input)] : 0)];
                return [new Expected("output", exact, exact)];
            });
    }

    // Some place along an axis of seven.
    private static int Picked(int i) => i * 3 % 7;

    private static StridedCopyArguments Into(Tensor input, Shape output, int axis, int start)
        => StridedCopyArguments.Into(input, Tensor.Zeros(input.Device, output, input.DType), axis, start);

    private static Tensor Upload(ComputeDevice device, Shape shape, float[] values, DType dtype) => dtype switch
    {
        DType.Int32 => Tensor.From(device, shape, Array.ConvertAll(values, static x => (int)x)),
        DType.Int64 => Tensor.From(device, shape, Array.ConvertAll(values, static x => (long)x)),
        DType.Bool => Tensor.From(device, shape, Array.ConvertAll(values, static x => x != 0)),
        _ => Tensor.From(device, shape, values, dtype),
    };

    /// <summary>The place of element <paramref name="i"/> along each axis.</summary>
    public static int[] Place(int i, int[] shape)
    {
        var at = new int[shape.Length];
        for (int axis = shape.Length - 1; axis >= 0; i /= shape[axis--])
            at[axis] = i % shape[axis];
        return at;
    }

    /// <summary>Which element is at that place.</summary>
    public static int Number(int[] at, int[] shape)
    {
        int i = 0;
        for (int axis = 0; axis < shape.Length; axis++)
            i = i * shape[axis] + at[axis];
        return i;
    }
}
