using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweeps of comparisons and choices. How operands are walked is shown by the algebra's other cases.</summary>
internal static class SelectionCases
{
    private static readonly (int[] First, int[] Second, int[] Third, int[] Output, ValidationSize Size)[] s_shapes =
    [
        ([17], [17], [17], [17], ValidationSize.Tiny), ([2, 1, 5], [3, 1], [2, 3, 1], [2, 3, 5], ValidationSize.Tiny),
        ([300, 1023], [1023], [300, 1], [300, 1023], ValidationSize.Full),
    ];

    private static readonly (string Sign, int Relations, Func<double, double, bool> Holds)[] s_relations =
    [
        ("=", Relation.Equal, static (a, b) => a == b), ("≠", Relation.Less | Relation.Greater | Relation.Unordered, static (a, b) => a != b),
        ("<", Relation.Less, static (a, b) => a < b), ("≤", Relation.Less | Relation.Equal, static (a, b) => a <= b),
        (">", Relation.Greater, static (a, b) => a > b), ("≥", Relation.Greater | Relation.Equal, static (a, b) => a >= b),
    ];

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<OperatorSweep> Sweeps =
    [
        OperatorSweep.Of(
            CompareOperator.Definition,
            seed => from dtype in ElementwiseCases.DTypes
                    from shape in s_shapes
                    from relation in s_relations
                    select Compare(seed, dtype, shape.First, shape.Second, shape.Output, shape.Size, relation)),
        OperatorSweep.Of(
            CompareNumberOperator.Definition,
            seed => from dtype in ElementwiseCases.DTypes from relation in s_relations select CompareNumber(seed, dtype, [17], relation)),
        OperatorSweep.Of(
            WhereOperator.Definition,
            seed => from dtype in ElementwiseCases.DTypes
                    from shape in s_shapes
                    select Where(seed, dtype, shape.First, shape.Second, shape.Third, shape.Output, shape.Size)),
        OperatorSweep.Of(
            WhereBackwardOperator.Definition,
            seed => from dtype in ElementwiseCases.DTypes
                    from shape in s_shapes
                    from flag in new[] { 0f, 1f }
                    select WhereBackward(seed, dtype, shape.First, shape.Output, shape.Size, flag)),
    ];

    private static ValidationCase<BroadcastArguments<CompareMap>> Compare(
        int seed, DType dtype, int[] left, int[] right, int[] output, ValidationSize size,
        (string Sign, int Relations, Func<double, double, bool> Holds) relation)
    {
        var data = new CaseData(CaseData.Seed(seed, [.. left, -1, .. right]), dtype);
        float[] a = WithTies(data, left), b = WithTies(data, right);
        return new(
            $"{new Shape(left)} {relation.Sign} {new Shape(right)} {dtype}",
            size,
            dtype,
            device => new(
                Tensor.From(device, left, a, dtype), Tensor.From(device, right, b, dtype), null, Tensor.Empty(device, output, DType.Bool),
                BroadcastLayout.Walk(output, left, right, left), new(relation.Relations)),
            static arguments => [("output", arguments.Output)],
            () => Exactly(output, i => relation.Holds(a[AlgebraCases.Index(i, output, left)], b[AlgebraCases.Index(i, output, right)]) ? 1 : 0));
    }

    private static ValidationCase<BroadcastArguments<CompareNumberMap>> CompareNumber(
        int seed, DType dtype, int[] shape, (string Sign, int Relations, Func<double, double, bool> Holds) relation)
    {
        float[] a = WithTies(new CaseData(CaseData.Seed(seed, shape), dtype), shape);
        return new(
            $"{new Shape(shape)} {relation.Sign} 0.5 {dtype}",
            ValidationSize.Tiny,
            dtype,
            device => new(
                Tensor.From(device, shape, a, dtype), null, null, Tensor.Empty(device, shape, DType.Bool),
                BroadcastLayout.Walk(shape, shape, shape, shape), new(relation.Relations, 0.5f)),
            static arguments => [("output", arguments.Output)],
            () => Exactly(shape, i => relation.Holds(a[i], 0.5) ? 1 : 0));
    }

    private static ValidationCase<BroadcastArguments<WhereMap>> Where(
        int seed, DType dtype, int[] condition, int[] left, int[] right, int[] output, ValidationSize size)
    {
        var data = new CaseData(CaseData.Seed(seed, [.. condition, -1, .. left, -1, .. right]), dtype);
        bool[] flags = data.Flags(new Shape(condition).Count, 0.5);
        float[] a = data.Uniform(new Shape(left).Count), b = data.Uniform(new Shape(right).Count);
        Hide(a, left, true);
        Hide(b, right, false);
        return new(
            $"{new Shape(condition)} ? {new Shape(left)} : {new Shape(right)} {dtype}",
            size,
            dtype,
            device => new(
                Tensor.From(device, condition, flags), Tensor.From(device, left, a, dtype), Tensor.From(device, right, b, dtype),
                Tensor.Empty(device, output, dtype), BroadcastLayout.Walk(output, condition, left, right), default),
            static arguments => [("output", arguments.Output)],
            () => Exactly(
                output,
                i => flags[AlgebraCases.Index(i, output, condition)] ? a[AlgebraCases.Index(i, output, left)] : b[AlgebraCases.Index(i, output, right)]));

        // What is never chosen holds NaN.
        void Hide(float[] values, int[] shape, bool flag)
        {
            bool[] chosen = new bool[values.Length];
            for (int i = 0; i < new Shape(output).Count; i++)
                chosen[AlgebraCases.Index(i, output, shape)] |= flags[AlgebraCases.Index(i, output, condition)] == flag;
            for (int i = 0; i < values.Length; i++)
                values[i] = chosen[i] ? values[i] : float.NaN;
        }
    }

    private static ValidationCase<BroadcastArguments<WhereBackwardMap>> WhereBackward(
        int seed, DType dtype, int[] condition, int[] output, ValidationSize size, float flag)
    {
        var data = new CaseData(CaseData.Seed(seed, [.. condition, -1, .. output]), dtype);
        bool[] flags = data.Flags(new Shape(condition).Count, 0.5);
        float[] g = data.Uniform(new Shape(output).Count);
        for (int i = 0; i < g.Length; i++)
            g[i] = IsChosen(i) ? g[i] : float.NaN;
        return new(
            $"{new Shape(condition)} = {flag} ? {new Shape(output)} {dtype}",
            size,
            dtype,
            device => new(
                Tensor.From(device, condition, flags), Tensor.From(device, output, g, dtype), null, Tensor.Empty(device, output, dtype),
                BroadcastLayout.Walk(output, condition, output, output), new(flag)),
            static arguments => [("output", arguments.Output)],
            () => Exactly(output, i => IsChosen(i) ? g[i] : 0),
            isGradient: true);

        bool IsChosen(int i) => flags[AlgebraCases.Index(i, output, condition)] == (flag == 1f);
    }

    // Nothing is rounded on the way, so the plain computation is the exact one.
    private static Expected[] Exactly(int[] output, Func<int, double> element)
    {
        double[] exact = [.. Enumerable.Range(0, checked((int)new Shape(output).Count)).Select(element)];
        return [new("output", exact, exact)];
    }

    // Quarters, so that many are equal, and a NaN in every ninth place.
    private static float[] WithTies(CaseData data, int[] shape)
        => [.. data.Integers(new Shape(shape).Count, 9).Select(static (q, i) => i % 9 == 8 ? float.NaN : (q - 4) * 0.25f)];
}
