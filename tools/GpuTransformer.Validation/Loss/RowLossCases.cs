using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Validation;

/// <summary>
/// The validation sweeps of the losses that are means over rows, forward and backward: one line for each, its formula and derivative written anew.
/// </summary>
internal static class RowLossCases
{
    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<OperatorSweep> Sweeps =
    [
        .. Of(default(SquaredErrorFunction), static d => d * d, static d => 2 * d),
        .. Of(new HuberFunction(0.5f), static d => Math.Abs(d) <= 0.5 ? d * d / 2 : 0.5 * (Math.Abs(d) - 0.25), static d => Math.Clamp(d, -0.5, 0.5)),
    ];

    private const float Upstream = 0.7f, InverseWeight = 0.125f;

    private static readonly (int Rows, int Dim, bool Masked, ValidationSize Size)[] s_shapes =
    [
        (1, 1, false, ValidationSize.Tiny), (3, 17, true, ValidationSize.Tiny), (64, 256, true, ValidationSize.Quick), (7, 443, false, ValidationSize.Quick),
        (1023, 80, true, ValidationSize.Quick),
    ];

    private static OperatorSweep[] Of<TLoss>(TLoss function, Func<double, double> apply, Func<double, double> derivative)
        where TLoss : unmanaged, IRowLoss<TLoss> =>
    [
        OperatorSweep.Of(RowLossArguments<TLoss>.Definition, seed => Forward(seed, function, apply)),
        OperatorSweep.Of(RowLossBackwardArguments<TLoss>.Definition, seed => Backward(seed, function, derivative)),
    ];

    private static IEnumerable<ValidationCase<RowLossArguments<TLoss>>> Forward<TLoss>(int seed, TLoss function, Func<double, double> apply)
        where TLoss : unmanaged, IRowLoss<TLoss>
        => Problems(seed).Select(p => new ValidationCase<RowLossArguments<TLoss>>(
            p.Name,
            p.Size,
            p.Data.DType,
            device => new RowLossArguments<TLoss>(
                p.Upload(device, p.Prediction),
                p.Upload(device, p.Target),
                p.Masked ? Tensor.From(device, [p.Rows], p.Mask) : null,
                Tensor.Empty(device, [p.Rows]),
                Tensor.Empty(device, [p.Rows]),
                function),
            static a => [("loss", a.Loss), ("weight", a.Weight)],
            () =>
            {
                // Per-row results are float32 whatever the predictions are stored as.
                double[] exact = LossReference.Row(CaseData.Convert<double>(p.Prediction), CaseData.Convert<double>(p.Target), p.Mask, p.Dim, apply);
                double[] plain = CaseData.Convert<double>(LossReference.Row(p.Prediction, p.Target, p.Mask, p.Dim, apply));
                return [new Expected("loss", exact, plain), new Expected("weight", p.Weights, p.Weights)];
            }));

    private static IEnumerable<ValidationCase<RowLossBackwardArguments<TLoss>>> Backward<TLoss>(int seed, TLoss function, Func<double, double> derivative)
        where TLoss : unmanaged, IRowLoss<TLoss>
        => Problems(seed).Select(p => new ValidationCase<RowLossBackwardArguments<TLoss>>(
            p.Name,
            p.Size,
            p.Data.DType,
            device => new RowLossBackwardArguments<TLoss>(
                p.Upload(device, p.Prediction),
                p.Upload(device, p.Target),
                Tensor.From(device, [p.Rows], Array.ConvertAll(p.Weights, static w => (float)w)),
                Tensor.From(device, [1], [Upstream]),
                Tensor.From(device, [1], [InverseWeight]),
                Tensor.Empty(device, [p.Rows, p.Dim], p.Data.DType),
                function),
            static a => [("predictionGradient", a.PredictionGradient)],
            () =>
            [
                p.Data.Expect(
                    "predictionGradient",
                    LossReference.RowGradient(
                        CaseData.Convert<double>(p.Prediction),
                        CaseData.Convert<double>(p.Target),
                        p.Mask,
                        p.Dim,
                        (double)Upstream * InverseWeight,
                        derivative),
                    LossReference.RowGradient(p.Prediction, p.Target, p.Mask, p.Dim, Upstream * InverseWeight, derivative)),
            ],
            isGradient: true));

    private static IEnumerable<Problem> Problems(int seed)
    {
        foreach (DType dtype in ElementwiseCases.DTypes)
        {
            foreach ((int rows, int dim, bool masked, ValidationSize size) in s_shapes)
            {
                var data = new CaseData(CaseData.Seed(seed, rows, dim), dtype);
                float[] prediction = data.Uniform((long)rows * dim), target = data.Uniform((long)rows * dim);
                yield return new Problem(
                    $"{rows}x{dim} {(masked ? "masked " : string.Empty)}{dtype}",
                    size,
                    data,
                    rows,
                    dim,
                    masked,
                    prediction,
                    target,
                    masked ? data.Flags(rows, 0.6) : [.. Enumerable.Repeat(true, rows)]);
            }
        }
    }

    private sealed record Problem(
        string Name, ValidationSize Size, CaseData Data, int Rows, int Dim, bool Masked, float[] Prediction, float[] Target, bool[] Mask)
    {
        public double[] Weights => Array.ConvertAll(Mask, static m => m ? 1.0 : 0.0);

        public Tensor Upload(ComputeDevice device, float[] values) => Tensor.From(device, [Rows, Dim], values, Data.DType);
    }
}
