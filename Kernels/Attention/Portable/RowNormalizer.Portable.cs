using ILGPU;
using ILGPU.Algorithms;

namespace GpuTransformer.Kernels;

/// <summary>
/// What turns a row's scores into probabilities, P = e^(score − largest) · reciprocal: what backward needs to find the probabilities that forward had. Their
/// logarithmic sum in a single number would not do: next to scores of a hundred its rounding is 4e-6 of every probability.
/// </summary>
internal struct RowNormalizer
{
    /// <summary>The largest score.</summary>
    public float Largest;

    /// <summary>1 / Σ e^(score − largest); zero for a query that sees no key.</summary>
    public float Reciprocal;

    /// <summary>Of a row whose exponentials add up to <paramref name="sum"/>; a NaN stays one.</summary>
    public static RowNormalizer Of(float largest, float sum) => new() { Largest = largest, Reciprocal = sum > 0f ? 1f / sum : sum };

    /// <summary>The probability of a score, zero where it is hidden, whatever the row's other scores are.</summary>
    public static float Probability(RowNormalizer row, float score)
        => score <= AttentionRow.Hidden ? 0f : AttentionRow.Weight(score, row.Largest) * row.Reciprocal;

    /// <summary>Writes what is asked for of an existing query: the normaliser, and the natural logarithm of the sum of exponentials.</summary>
    public static void Store(
        RowNormalizer row, float sum, ArrayView<RowNormalizer> target, ArrayView<float> logSumExp, AttentionShape shape, TileIndex at, int query)
    {
        long offset = shape.RowOffset(at.Batch, at.Head, query);
        if (target.Length > 0 && query < shape.Queries)
            target[offset] = row;
        if (logSumExp.Length > 0 && query < shape.Queries)
            logSumExp[offset] = sum == 0f ? AttentionRules.DeadLogSumExp : row.Largest + XMath.Log2(sum) * AttentionRow.Ln2;
    }
}
