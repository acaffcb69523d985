using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The scores and weights of one attention of a stack, as its caller asked for them: upstream's intermediates.</summary>
/// <param name="IsCross">Whether it is cross-attention.</param>
/// <param name="Scores">float32 [batch, heads, queries, keys]: as the softmax gets them, with bias; hidden ones are the lowest number there is.</param>
/// <param name="Weights">float32 [batch, heads, queries, keys]: what values are weighted with.</param>
public sealed record AttentionScores(bool IsCross, Tensor Scores, Tensor Weights)
{
    /// <summary>
    /// The z-loss of several attentions: the mean over samples and queries of Σ_heads (Σ_attentions ln Σ_keys e^score)², times <paramref name="weight"/>. It
    /// keeps scores from growing.
    /// </summary>
    /// <param name="attentions">Of one call, with as many queries each.</param>
    /// <param name="mask">bool [batch, queries]: the queries that count; null for all.</param>
    /// <param name="weight">A factor.</param>
    /// <returns>One number.</returns>
    /// <exception cref="ArgumentException">There is no attention.</exception>
    /// <remarks>Zoph et al. 2022, "ST-MoE"; Chowdhery et al. 2022, "PaLM".</remarks>
    public static Tensor ZLoss(IReadOnlyList<AttentionScores> attentions, Tensor? mask = null, float weight = 1f)
    {
        ArgumentNullException.ThrowIfNull(attentions);
        if (attentions.Count == 0)
            throw new ArgumentException("'attentions' is empty, but a z-loss is of the scores of at least one attention.", nameof(attentions));
        Tensor sum = Operators.LogSumExp(attentions[0].Scores, -1);
        foreach (AttentionScores attention in attentions.Skip(1))
            sum += Operators.LogSumExp(attention.Scores, -1);
        Tensor perQuery = Operators.Square(sum).Sum(1); // [batch, queries]
        if (mask is null)
            return Operators.Scale(perQuery.Mean(), weight);
        Tensor counted = Operators.Where(mask, perQuery, 0f);
        Tensor count = Operators.Where(mask, Tensor.From(mask.Device, [1], [1f]), 0f).Sum();
        return counted.Sum() / Operators.Maximum(count, 1e-5f) * weight;
    }
}
