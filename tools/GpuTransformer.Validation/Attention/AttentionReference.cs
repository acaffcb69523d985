using GpuTransformer.Kernels;
using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>What attention reads, as flat arrays laid out as <see cref="AttentionShape"/> and <see cref="AttentionRules"/> say.</summary>
internal sealed record AttentionInputs<T>(T[] Query, T[] Key, T[] Value)
{
    public bool[]? KeyMask { get; init; }   // [batch, keys − freeColumns]

    public bool[]? Mask { get; init; }      // [batch|1, heads|1, queries|1, keys − freeColumns]

    public T[]? Bias { get; init; }         // [batch|1, heads|1, queries|1, keys − freeColumns]

    public T[]? Slopes { get; init; }       // [heads]

    public T[]? Positions { get; init; }    // [batch|1, heads|1, keys − freeColumns]

    public T[]? Distances { get; init; }    // [heads, span]
}

/// <summary>What <see cref="AttentionReference.Forward"/> computes.</summary>
/// <param name="Output">Laid out as the shape says.</param>
/// <param name="LogSumExp">[batch, heads, queries] the logarithm of each row's sum of exponentials.</param>
/// <param name="Largest">[batch, heads, queries] each row's largest score.</param>
/// <param name="Reciprocal">[batch, heads, queries] 1 / Σ exp(score − largest); zero where no key is seen.</param>
internal sealed record AttentionReferenceOutputs<T>(T[] Output, T[] LogSumExp, T[] Largest, T[] Reciprocal);

/// <summary>Attention, one query of one head at a time, as the formula reads: scores, softmax over the visible keys, weighted sum of values.</summary>
internal static class AttentionReference
{
    /// <summary>The output, and what is known of each row's softmax.</summary>
    public static AttentionReferenceOutputs<T> Forward<T>(AttentionShape shape, AttentionRules rules, AttentionInputs<T> inputs)
        where T : IFloatingPointIeee754<T>
    {
        int rows = shape.Batch * shape.Heads * shape.Queries;
        var result = new AttentionReferenceOutputs<T>(new T[shape.Batch * shape.OutputBatchStride], new T[rows], new T[rows], new T[rows]);
        foreach ((int b, int h, int i) in Rows(shape))
        {
            int[] keys = VisibleKeys(shape, rules, inputs, b, h, i);
            T[] scores = Array.ConvertAll(keys, j => Score(shape, rules, inputs, b, h, i, j));
            T[] probabilities = Softmax(scores, result, shape.RowOffset(b, h, i));
            for (int n = 0; n < keys.Length; n++)
            {
                for (int c = 0; c < shape.ValueDim; c++)
                    result.Output[shape.OutputOffset(b, h, i) + c] += probabilities[n] * Kept<T>(
                        shape, rules, b, h, i, keys[n]) * inputs.Value[shape.ValueOffset(b, h, keys[n]) + c];
            }
        }

        return result;
    }

    /// <summary>Every query of every head of every batch.</summary>
    internal static IEnumerable<(int Batch, int Head, int Query)> Rows(AttentionShape shape)
        => from b in Enumerable.Range(0, shape.Batch) from h in Enumerable.Range(0, shape.Heads) from i in Enumerable.Range(0, shape.Queries) select (b, h, i);

    /// <summary>The keys that a query sees: not cut off by causality or the window, nor by a mask or a bias of −∞. Free columns are always seen.</summary>
    internal static int[] VisibleKeys<T>(AttentionShape shape, AttentionRules rules, AttentionInputs<T> inputs, int b, int h, int i)
        where T : IFloatingPointIeee754<T>
        => [.. Enumerable.Range(0, shape.Keys).Where(j => j < rules.FreeColumns
            || ((rules.Causal == 0 || j <= i + rules.CausalOffset)
                && (rules.Window < 0 || QueryPosition(shape, i) - j <= rules.Window)
                && (inputs.KeyMask is null || inputs.KeyMask[(b * (shape.Keys - rules.FreeColumns)) + j - rules.FreeColumns])
                && (inputs.Mask is null || inputs.Mask[MaskIndex(rules, b, h, i, j)])
                && (inputs.Bias is null || !T.IsNegativeInfinity(inputs.Bias[BiasIndex(rules, b, h, i, j)]))
                && (inputs.Distances is null || !T.IsNegativeInfinity(inputs.Distances[DistanceIndex(shape, rules, h, i, j)]))))];

    /// <summary>
    /// softclamp(scale · q·k + bias) for a visible key, at least the lowest finite float32: a finite number hides nothing, though it overflow.
    /// </summary>
    internal static T Score<T>(AttentionShape shape, AttentionRules rules, AttentionInputs<T> inputs, int b, int h, int i, int j)
        where T : IFloatingPointIeee754<T>
    {
        T score = T.Zero;
        for (int c = 0; c < shape.HeadDim; c++)
            score += inputs.Query[shape.QueryOffset(b, h, i) + c] * inputs.Key[shape.KeyOffset(b, h, j) + c];
        score *= T.CreateChecked(rules.Scale);
        if (j >= rules.FreeColumns)
        {
            if (inputs.Bias is not null)
                score += inputs.Bias[BiasIndex(rules, b, h, i, j)];
            if (inputs.Slopes is not null)
                score -= inputs.Slopes[h] * Distance(shape, rules, inputs, b, h, i, j);
            if (inputs.Distances is not null)
                score += inputs.Distances[DistanceIndex(shape, rules, h, i, j)];
        }

        if (rules.SoftClamp == 0f)
            return T.Max(score, T.CreateChecked(AttentionRules.LowestScore));
        T clamp = T.CreateChecked(rules.SoftClamp);
        return clamp * T.Tanh(score / clamp);
    }

    /// <summary>What dropout multiplies the probability of a pair by.</summary>
    internal static T Kept<T>(AttentionShape shape, AttentionRules rules, int b, int h, int i, int j)
        where T : IFloatingPointIeee754<T>
    {
        AttentionDropout dropout = rules.Dropout;
        if (dropout.Threshold == 0)
            return T.One;
        uint[] words = DropoutReference.Philox([(uint)j / 4, (uint)shape.RowOffset(b, h, i), dropout.StreamA, dropout.StreamB], [dropout.KeyA, dropout.KeyB]);
        return words[j % 4] < dropout.Threshold ? T.Zero : T.CreateChecked(dropout.Scale);
    }

    /// <summary>Where the bias of a pair lies; masks lie alike.</summary>
    internal static long BiasIndex(AttentionRules rules, int b, int h, int i, int j)
        => (b * rules.BiasBatchStride) + (h * rules.BiasHeadStride) + (i * rules.BiasQueryStride) + j - rules.FreeColumns;

    /// <summary>Which entry of the table of biases by distance a pair reads.</summary>
    internal static long DistanceIndex(AttentionShape shape, AttentionRules rules, int h, int i, int j)
        => ((long)h * rules.DistanceSpan) + Math.Clamp(j - QueryPosition(shape, i) + rules.DistanceOrigin, 0, rules.DistanceSpan - 1);

    private static long MaskIndex(AttentionRules rules, int b, int h, int i, int j)
        => (b * rules.MaskBatchStride) + (h * rules.MaskHeadStride) + (i * rules.MaskQueryStride) + j - rules.FreeColumns;

    // Queries and keys end together: the last query is where the last key is.
    private static int QueryPosition(AttentionShape shape, int i) => i + shape.Keys - shape.Queries;

    private static T Distance<T>(AttentionShape shape, AttentionRules rules, AttentionInputs<T> inputs, int b, int h, int i, int j)
        where T : IFloatingPointIeee754<T>
    {
        if (inputs.Positions is null)
            return T.CreateChecked(Math.Abs(j - QueryPosition(shape, i)));
        long row = (b * rules.PositionBatchStride) + (h * rules.PositionHeadStride);
        return T.Abs(inputs.Positions[row + j - rules.FreeColumns] - inputs.Positions[row + i]);
    }

    private static T[] Softmax<T>(T[] scores, AttentionReferenceOutputs<T> result, long row)
        where T : IFloatingPointIeee754<T>
    {
        result.LogSumExp[row] = T.CreateChecked(AttentionRules.DeadLogSumExp);
        if (scores.Length == 0)
            return [];
        T largest = scores.Max()!, sum = T.Zero;
        foreach (T score in scores)
            sum += T.Exp(score - largest);
        (result.LogSumExp[row], result.Largest[row], result.Reciprocal[row]) = (largest + T.Log(sum), largest, T.One / sum);
        return Array.ConvertAll(scores, s => T.Exp(s - largest) / sum);
    }
}
