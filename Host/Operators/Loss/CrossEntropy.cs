using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The mean over the rows that count of −Σ_c y_c ln softmax(x)_c, y being 1 − s at the target plus s / classes everywhere: softmax and cross-entropy fused,
    /// the probabilities never stored.
    /// </summary>
    /// <param name="logits">[…, classes]</param>
    /// <param name="targets">[…], Int32 or Int64, each in [0, classes) or <paramref name="ignoreIndex"/>.</param>
    /// <param name="ignoreIndex">Rows with this target count for nothing; −100 as in PyTorch.</param>
    /// <param name="labelSmoothing">s, from 0 to 1.</param>
    /// <returns>A float32 scalar; zero if no row counts.</returns>
    /// <exception cref="ArgumentException">A shape, device, data type or target does not fit; nothing was launched.</exception>
    /// <remarks>Waits for the device in order to check the targets, unless the host wrote them: one out of range would read foreign memory.</remarks>
    public static Tensor SoftmaxCrossEntropy(Tensor logits, Tensor targets, int ignoreIndex = -100, float labelSmoothing = 0f)
    {
        Arguments.CheckRows(logits);
        return CrossEntropyOperator.Compute(logits, CrossEntropyOperator.CheckTargets(logits, targets, ignoreIndex), ignoreIndex, labelSmoothing, sequence: 0);
    }

    /// <summary>
    /// <see cref="SoftmaxCrossEntropy"/> of a language model: the target of a position is the token at the next one, and the last of a sequence has none. The
    /// same bits as with targets that were shifted on the host, without making them.
    /// </summary>
    /// <param name="logits">[…, sequence, classes]</param>
    /// <param name="ids">
    /// […, sequence], Int32 or Int64, each in [0, classes) or <paramref name="ignoreIndex"/>; the first of a sequence is nobody's target.
    /// </param>
    /// <param name="ignoreIndex">Tokens with this number are no targets.</param>
    /// <param name="labelSmoothing">As for <see cref="SoftmaxCrossEntropy"/>.</param>
    /// <returns>A float32 scalar; zero if no row counts.</returns>
    /// <exception cref="ArgumentException">A shape, device, data type or token does not fit; nothing was launched.</exception>
    /// <remarks>Waits for the device in order to check the tokens, unless the host wrote them.</remarks>
    public static Tensor NextTokenCrossEntropy(Tensor logits, Tensor ids, int ignoreIndex = -100, float labelSmoothing = 0f)
    {
        Arguments.CheckRows(logits);
        if (logits.Shape.Rank < 2)
            throw Arguments.Wrong(nameof(logits), $"has shape {logits.Shape}, but sequences are needed: […, sequence, classes].");
        return CrossEntropyOperator.Compute(
            logits, CrossEntropyOperator.CheckTargets(logits, ids, ignoreIndex, logits.Shape[^2], nameof(ids)), ignoreIndex, labelSmoothing, logits.Shape[^2]);
    }
}

/// <summary>What a CrossEntropy variant is given.</summary>
[Operator("CrossEntropy", "loss = ln Σ e^x − (1 − s) · x_target − s / classes · Σ x")]
[Variant(typeof(CrossEntropyVectorized<>), "SIMD, some rows per block")]
[Variant(typeof(CrossEntropyPortable<>), "64 threads per row")]
internal readonly partial record struct CrossEntropyArguments(
    Tensor Logits, Tensor Targets, Tensor Loss, Tensor Weight, Tensor Normalizer, int IgnoreIndex, float Smoothing, int Sequence = 0)
{
    public int Classes => Logits.Shape[^1];

    public int Rows => checked((int)Targets.Shape.Count);

    public int TargetStride => Targets.DType == DType.Int64 ? 2 : 1;

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, Rows, Classes);
}

/// <summary>What the two doors to the cross-entropy share.</summary>
internal static class CrossEntropyOperator
{
    /// <summary>The loss, recorded; the targets were checked.</summary>
    public static Tensor Compute(Tensor logits, Tensor targets, int ignoreIndex, float labelSmoothing, int sequence)
    {
        ComputeDevice device = logits.Device;
        if (!(labelSmoothing >= 0f && labelSmoothing <= 1f))
            throw Arguments.Wrong(nameof(labelSmoothing), $"is {labelSmoothing}, but must be from 0 to 1.");
        int rows = checked((int)targets.Shape.Count);
        Tensor loss = Tensor.Empty(device, [rows]), weight = Tensor.Empty(device, [rows]), normalizer = Tensor.Empty(device, [rows, 2]);
        if (rows > 0)
            CrossEntropyArguments.Definition.Run(
                device, new CrossEntropyArguments(logits, targets, loss, weight, normalizer, ignoreIndex, labelSmoothing, sequence));
        (Tensor mean, Tensor inverseWeight) = WeightedMeanOperator.Run(loss, weight);
        if (device.Records(logits))
        {
            device.Record(mean, upstream =>
            {
                Tensor gradient = Tensor.Empty(device, logits.Shape, logits.DType);
                var arguments = new CrossEntropyBackwardArguments(
                    logits, targets, normalizer, upstream, inverseWeight, gradient, ignoreIndex, labelSmoothing, sequence);
                if (rows > 0)
                    CrossEntropyBackwardArguments.Definition.Run(device, arguments);
                GradientTape.Accumulate(logits, gradient);
            }, logits, targets);
        }

        return mean;
    }

    /// <summary>The targets, each checked on the host.</summary>
    public static Tensor CheckTargets(Tensor logits, Tensor targets, int ignoreIndex, int sequence = 0, string name = "targets")
    {
        Arguments.Check(logits.Device, targets, name: name);
        if (targets.Shape != new Shape(logits.Shape.Lengths[..^1]))
            throw Arguments.Wrong(
                name, $"has shape {targets.Shape}, but the logits {logits.Shape} need one target for each row: {new Shape(logits.Shape.Lengths[..^1])}.");
        if (targets.DType is not (DType.Int32 or DType.Int64))
            throw Arguments.Wrong(name, $"holds {targets.DType}, but class numbers (Int32 or Int64) are needed.");
        int classes = logits.Shape[^1];
        if (targets.KnownIntegers is { } known && known.AreBelow(classes, ignoreIndex))
            return targets;
        long[] values = targets.ToInt64Array();
        for (int i = 0; i < values.Length; i++)
        {
            // The first of a sequence is nobody's next.
            bool isTarget = sequence == 0 || i % sequence != 0;
            if (isTarget && values[i] != ignoreIndex && (values[i] < 0 || values[i] >= classes))
                throw Arguments.Wrong(name, $"holds {values[i]} at position {i}, but must be in [0, {classes}) or the ignored index {ignoreIndex}.");
        }

        return targets;
    }
}
