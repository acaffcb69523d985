using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>The validation sweep of the cross-entropy, forward and backward.</summary>
internal static class CrossEntropyCases
{
    public static readonly OperatorSweep ForwardSweep = OperatorSweep.Of(CrossEntropyArguments.Definition, Forward);

    public static readonly OperatorSweep BackwardSweep = OperatorSweep.Of(CrossEntropyBackwardArguments.Definition, Backward);

    private const int IgnoreIndex = -100;
    private const float Upstream = 0.7f, InverseWeight = 0.125f;

    private static readonly (int Rows, int Classes, float Smoothing, ValidationSize Size)[] s_shapes =
    [
        (1, 1, 0f, ValidationSize.Tiny), (3, 17, 0.1f, ValidationSize.Tiny), (2, 40, 0f, ValidationSize.Tiny),
        (64, 256, 0f, ValidationSize.Quick), (17, 443, 0.1f, ValidationSize.Quick), (129, 1023, 0f, ValidationSize.Quick), (1023, 80, 1f, ValidationSize.Full),
        (8, 50257, 0.1f, ValidationSize.Full),
    ];

    private static IEnumerable<ValidationCase<CrossEntropyArguments>> Forward(int seed)
        => Problems(seed).Select(static p => new ValidationCase<CrossEntropyArguments>(
            p.Name,
            p.Size,
            p.Data.DType,
            device => new CrossEntropyArguments(
                p.UploadLogits(device),
                Tensor.From(device, [p.Rows], p.Targets),
                Tensor.Empty(device, [p.Rows]),
                Tensor.Empty(device, [p.Rows]),
                Tensor.Empty(device, [p.Rows, 2]),
                IgnoreIndex,
                p.Smoothing),
            static a => [("loss", a.Loss), ("weight", a.Weight), ("normalizer", a.Normalizer)],
            () =>
            {
                (double[] exact, double[] exactLog) = LossReference.CrossEntropy(
                    CaseData.Convert<double>(p.Logits), p.Targets, p.Classes, IgnoreIndex, p.Smoothing);
                (float[] plain, float[] plainLog) = LossReference.CrossEntropy(p.Logits, p.Targets, p.Classes, IgnoreIndex, p.Smoothing);
                double[] weight = Array.ConvertAll(p.Targets, static t => t == IgnoreIndex ? 0.0 : 1.0);

                // Per-row results are float32 whatever the logits are stored as.
                return [Unrounded("loss", exact, plain), new Expected("weight", weight, weight), Unrounded("normalizer", exactLog, plainLog)];
            }));

    private static IEnumerable<ValidationCase<CrossEntropyBackwardArguments>> Backward(int seed)
        => Problems(seed).Select(static p => new ValidationCase<CrossEntropyBackwardArguments>(
            p.Name,
            p.Size,
            p.Data.DType,
            device =>
            {
                Tensor logits = p.UploadLogits(device);
                float[] normalizer = Array.ConvertAll(
                    LossReference.CrossEntropy(CaseData.Convert<double>(p.Logits), p.Targets, p.Classes, IgnoreIndex, p.Smoothing).Normalizer,
                    static v => (float)v);
                return new CrossEntropyBackwardArguments(
                    logits,
                    Tensor.From(device, [p.Rows], p.Targets),
                    Tensor.From(device, [p.Rows, 2], normalizer),
                    Tensor.From(device, [1], [Upstream]),
                    Tensor.From(device, [1], [InverseWeight]),
                    Tensor.Empty(device, logits.Shape, logits.DType),
                    IgnoreIndex,
                    p.Smoothing);
            },
            static a => [("logitsGradient", a.LogitsGradient)],
            () =>
            [
                p.Data.Expect(
                    "logitsGradient",
                    LossReference.CrossEntropyGradient(
                        CaseData.Convert<double>(p.Logits), p.Targets, p.Classes, IgnoreIndex, p.Smoothing, (double)Upstream * InverseWeight),
                    LossReference.CrossEntropyGradient(p.Logits, p.Targets, p.Classes, IgnoreIndex, p.Smoothing, Upstream * InverseWeight)),
            ],
            isGradient: true));

    private static Expected Unrounded(string name, double[] exact, float[] plain) => new(name, exact, CaseData.Convert<double>(plain));

    private static IEnumerable<Problem> Problems(int seed)
    {
        foreach (DType dtype in ElementwiseCases.DTypes)
        {
            foreach ((int rows, int classes, float smoothing, ValidationSize size) in s_shapes)
            {
                var data = new CaseData(CaseData.Seed(seed, rows, classes), dtype);
                float[] logits = data.Uniform((long)rows * classes, 5f);
                int[] targets = data.Integers(rows, classes);
                if (rows > 2)
                    targets[1] = IgnoreIndex;
                yield return new Problem($"{rows}x{classes} smoothing {smoothing} {dtype}", size, data, rows, classes, smoothing, logits, targets);
                if (smoothing == 0f && classes > 2)
                    yield return new Problem($"{rows}x{classes} with −∞ {dtype}", size, data, rows, classes, 0f, Hide(data, logits, targets, classes), targets);
            }
        }
    }

    /// <summary>A third of the classes that are no target are out of question.</summary>
    private static float[] Hide(CaseData data, float[] logits, int[] targets, int classes)
    {
        bool[] hidden = data.Flags(logits.Length, 1.0 / 3);
        return [.. logits.Select((x, i) => hidden[i] && i % classes != targets[i / classes] ? float.NegativeInfinity : x)];
    }

    private sealed record Problem(string Name, ValidationSize Size, CaseData Data, int Rows, int Classes, float Smoothing, float[] Logits, int[] Targets)
    {
        public Tensor UploadLogits(ComputeDevice device) => Tensor.From(device, [Rows, Classes], Logits, Data.DType);
    }
}
