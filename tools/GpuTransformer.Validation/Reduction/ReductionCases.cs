using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>The validation sweeps of the reductions and of their ways back: one line for each, its formula written anew over the numbers of a row.</summary>
internal static class ReductionCases
{
    // A row's result from its numbers, its centre and the factor.
    private delegate double Reduce(double[] x, double c, double scale);

    // An element's gradient from the row's, itself, the row's centre and ties, and the factor.
    private delegate double Differentiate(double g, double x, double c, double n, double scale);

    private const float Scale = 0.3f;

    /// <summary>One row, many, neighbouring ones; several chunks; widths that fill no group.</summary>
    private static readonly (int Outer, int Length, int Inner, ValidationSize Size)[] s_shapes =
    [
        (1, 1, 1, ValidationSize.Tiny), (3, 17, 1, ValidationSize.Tiny), (2, 5, 3, ValidationSize.Tiny), (2, 0, 3, ValidationSize.Tiny),
        (1, 9001, 1, ValidationSize.Quick), (2, 1023, 17, ValidationSize.Quick), (3, 443, 80, ValidationSize.Quick), (443, 40, 1, ValidationSize.Full),
    ];

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<OperatorSweep> Sweeps =
    [
        Forward(SumOperator.Definition, static (x, _, scale) => scale * x.Sum()),
        Forward(MaxOperator.Definition, static (x, _, _) => x.Max(), needsElements: true),
        Forward(MinOperator.Definition, static (x, _, _) => x.Min(), needsElements: true),
        Forward(TieCountOperator.Definition, static (x, c, _) => x.Count(v => v == c)),
        Forward(VarianceOperator.Definition, static (x, c, scale) => scale * x.Sum(v => (v - c) * (v - c))),
        Forward(LogSumExpOperator.Definition, static (x, c, _) => c + Math.Log(x.Sum(v => Math.Exp(v - c))), needsElements: true),
        Forward(NormOperator.Definition, static (x, _, _) => Math.Sqrt(x.Sum(static v => v * v))),
        Backward(SumBackwardOperator.Definition, static (g, _, _, _, scale) => scale * g),
        Backward(ExtremeBackwardOperator.Definition, static (g, x, c, n, _) => x == c ? g / n : 0),
        Backward(VarianceBackwardOperator.Definition, static (g, x, c, _, scale) => scale * g * (x - c)),
        Backward(LogSumExpBackwardOperator.Definition, static (g, x, c, _, _) => g * Math.Exp(x - c)),
        Backward(NormBackwardOperator.Definition, static (g, x, c, _, _) => g * x / c),
    ];

    private static OperatorSweep Forward<TReduction>(OperatorDefinition<ReduceArguments<TReduction>> definition, Reduce reduce, bool needsElements = false)
        where TReduction : unmanaged, IReduction<TReduction>
        => OperatorSweep.Of(definition, seed =>
            from dtype in ElementwiseCases.DTypes
            from s in s_shapes
            where s.Length > 0 || !needsElements
            select ForwardCase<TReduction>(seed, dtype, s.Outer, s.Length, s.Inner, s.Size, reduce));

    private static ValidationCase<ReduceArguments<TReduction>> ForwardCase<TReduction>(
        int seed, DType dtype, int outer, int length, int inner, ValidationSize size, Reduce reduce)
        where TReduction : unmanaged, IReduction<TReduction>
    {
        var data = new CaseData(CaseData.Seed(seed, outer, length, inner), dtype);
        float[] input = data.Uniform(outer * length * inner, 3f);

        // Seven different numbers only, so that there is more than one to count.
        if (typeof(TReduction) == typeof(TieCountReduction))
            input = Array.ConvertAll(input, static x => MathF.Round(x));
        float[] centre = Centres(data, input, outer, length, inner);
        return new ValidationCase<ReduceArguments<TReduction>>(
            $"{outer}x{length}x{inner} {dtype}",
            size,
            dtype,
            device => ReduceArguments<TReduction>.Create(
                Tensor.From(device, [outer, length, inner], input, dtype), Tensor.From(device, [outer, inner], centre), Scale, dtype),
            static arguments => [("output", arguments.Output)],
            () =>
            {
                double[] exact = [.. Enumerable.Range(0, outer * inner).Select(row
                    => reduce([.. Row(row, length, inner).Select(i => (double)input[i])], centre[row], Scale))];
                float[] plain = Array.ConvertAll(exact, static y => (float)y);
                if (typeof(TReduction) == typeof(SumReduction))
                    plain = [.. Enumerable.Range(0, outer * inner).Select(row => Scale * Row(row, length, inner).Aggregate(0f, (sum, i) => sum + input[i]))];
                return [data.Expect("output", exact, plain)];
            });
    }

    private static OperatorSweep Backward<TGradient>(OperatorDefinition<ReduceBackwardArguments<TGradient>> definition, Differentiate differentiate)
        where TGradient : unmanaged, IReductionGradient<TGradient>
        => OperatorSweep.Of(definition, seed =>
            from dtype in ElementwiseCases.DTypes
            from s in s_shapes
            where s.Length > 0
            select BackwardCase<TGradient>(seed, dtype, s.Outer, s.Length, s.Inner, s.Size, differentiate));

    private static ValidationCase<ReduceBackwardArguments<TGradient>> BackwardCase<TGradient>(
        int seed, DType dtype, int outer, int length, int inner, ValidationSize size, Differentiate differentiate)
        where TGradient : unmanaged, IReductionGradient<TGradient>
    {
        var data = new CaseData(CaseData.Seed(seed, length, outer, inner), dtype);
        float[] input = data.Uniform(outer * length * inner, 3f), gradient = data.Uniform(outer * inner), centre = Centres(data, input, outer, length, inner);
        float[] ties = Array.ConvertAll(data.Integers(outer * inner, 4), static n => n + 1f);
        return new ValidationCase<ReduceBackwardArguments<TGradient>>(
            $"{outer}x{length}x{inner} {dtype}",
            size,
            dtype,
            device => new ReduceBackwardArguments<TGradient>(
                Tensor.From(device, [outer, inner], gradient, dtype),
                Tensor.From(device, [outer, length, inner], input, dtype),
                Tensor.From(device, [outer, inner], centre),
                Tensor.From(device, [outer, inner], ties),
                Tensor.Empty(device, [outer, length, inner], dtype),
                Scale),
            static arguments => [("output", arguments.Output)],
            () =>
            {
                var exact = new double[input.Length];
                for (int row = 0; row < outer * inner; row++)
                {
                    foreach (int i in Row(row, length, inner))
                        exact[i] = differentiate(gradient[row], input[i], centre[row], ties[row], Scale);
                }

                return [data.Expect("output", exact, Array.ConvertAll(exact, static y => (float)y))];
            },
            isGradient: true);
    }

    // One of the row's own numbers, so that ties are found.
    private static float[] Centres(CaseData data, float[] input, int outer, int length, int inner)
        => [.. data.Integers(outer * inner, Math.Max(1, length)).Select((k, row) => length == 0 ? 0.5f : input[Row(row, length, inner).ElementAt(k)])];

    private static IEnumerable<int> Row(int row, int length, int inner)
        => Enumerable.Range(0, length).Select(k => (row / inner * length + k) * inner + row % inner);
}
