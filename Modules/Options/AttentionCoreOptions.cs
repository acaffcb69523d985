namespace GpuTransformer.Modules;

/// <summary>
/// What an <see cref="AttentionOptions"/> and an <see cref="AttendOptions"/> have in common: how scores are made of queries and keys, and weights of scores.
/// </summary>
/// <remarks>
/// Most of it is fused: no scores are ever in memory. What mixes or ranks whole rows of scores needs them there, [batch, heads, queries, keys] of them, and
/// costs memory and time accordingly; <see cref="RequireFused"/> refuses that.
/// </remarks>
public abstract record AttentionCoreOptions
{
    private protected AttentionCoreOptions()
    {
    }

    /// <summary>A query sees no later key; the last query sees the last key.</summary>
    public bool Causal { get; init; }

    /// <summary>
    /// Attention here is fused wherever it can be, whatever this says; see <see cref="RequireFused"/>. With <see cref="L2Distance"/> it gives x-transformers'
    /// scale on its fused path, which is √(DimHead / (DimHead + 2)) times the other's.
    /// </summary>
    public bool Flash { get; init; }

    /// <summary>Refuse options that need the scores as a matrix, with an error that names them. An option of this library.</summary>
    public bool RequireFused { get; init; }

    /// <summary>Dropout on the attention probabilities, in training only.</summary>
    [Takes(OptionRange.Probability)]
    public float Dropout { get; init; }

    /// <summary>Clamp the scores (scaled, with bias) by c · tanh(score / c).</summary>
    public bool SoftclampLogits { get; init; }

    /// <summary>c of <see cref="SoftclampLogits"/>.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float LogitSoftclampValue { get; init; } = 50;

    /// <summary>A zero key and value put before the others, visible to every query.</summary>
    public bool AddZeroKv { get; init; }

    /// <summary>A learned number per head stands beside its scores as one more, whose weight goes to nothing.</summary>
    public bool HeadLearnedSink { get; init; }

    /// <summary>The scores are −scale · ‖q − k‖² in place of scale · q·k.</summary>
    public bool L2Distance { get; init; }

    /// <summary>Scores plus their mixture over heads by a learned matrix, before bias and mask. Needs the scores as a matrix.</summary>
    public bool PreTalkingHeads { get; init; }

    /// <summary>Weights mixed over heads by a learned matrix. Needs the scores as a matrix.</summary>
    public bool PostTalkingHeads { get; init; }

    /// <summary>Weights times the scores (before bias and mask) mixed over heads by a learned matrix. Needs the scores as a matrix.</summary>
    public bool PreScalePostTalkingHeads { get; init; }

    /// <summary>Weights are sigmoids of the scores and not their softmax. Needs the scores as a matrix.</summary>
    public bool Sigmoid { get; init; }

    /// <summary>Weights are the softmax of the scores' magnitudes, with the scores' signs. Needs the scores as a matrix.</summary>
    public bool CogSigned { get; init; }

    /// <summary>Weights are a softmax over the queries, then divided by their sum over the keys. Needs the scores as a matrix.</summary>
    public bool InvertedAttention { get; init; }

    /// <summary>The key with the highest score has all the weight; the gradient is the softmax's. Needs the scores as a matrix.</summary>
    public bool Hard { get; init; }

    /// <summary>Weights are a softmax over this many keys, those with the highest scores; null for all. Needs the scores as a matrix.</summary>
    [Takes(OptionRange.Positive)]
    public int? SparseTopk { get; init; }

    /// <summary>With <see cref="SparseTopk"/>: the gradient is that of a softmax over all keys.</summary>
    public bool SparseTopkStraightThrough { get; init; }

    /// <summary>
    /// What the first head scores above zero is lowered by as much for all later queries: selective attention, for causal attention only. Needs the scores as a
    /// matrix.
    /// </summary>
    public bool Selective { get; init; }

    /// <summary>Whether the next layer's scores are added to these: a stack's ResidualAttn, which needs them in memory.</summary>
    internal bool KeepsScores { get; init; }

    /// <summary>The contextual positions; null for none.</summary>
    internal virtual CopeSettings? CopeOf => null;

    /// <summary>The names of the options that are on and need the scores as a matrix; none where attention is fused.</summary>
    internal IReadOnlyList<string> NeedScores
    {
        get
        {
            (bool, string)[] all =
            [
                (PreTalkingHeads, nameof(PreTalkingHeads)), (PostTalkingHeads, nameof(PostTalkingHeads)),
                (PreScalePostTalkingHeads, nameof(PreScalePostTalkingHeads)), (Sigmoid, nameof(Sigmoid)), (CogSigned, nameof(CogSigned)),
                (InvertedAttention, nameof(InvertedAttention)), (Hard, nameof(Hard)), (SparseTopk is not null, nameof(SparseTopk)),
                (Selective, nameof(Selective)),
                (CopeOf is not null, "UseCope"), (KeepsScores, "ResidualAttn"),
                (HeadLearnedSink && SoftclampLogits, $"{nameof(HeadLearnedSink)} with {nameof(SoftclampLogits)}"),
            ];
            return [.. all.Where(static option => option.Item1).Select(static option => option.Item2)];
        }
    }

    /// <summary>The checks that both records share.</summary>
    private protected void ValidateCore()
    {
        OptionChecks.Ranges(this);
        OptionChecks.AtMostOne(
            (Sigmoid, nameof(Sigmoid)), (L2Distance, nameof(L2Distance)), (Hard, nameof(Hard)), (SparseTopk is not null, nameof(SparseTopk)));
        OptionChecks.AtMostOne(
            (Sigmoid, nameof(Sigmoid)), (CogSigned, nameof(CogSigned)), (InvertedAttention, nameof(InvertedAttention)), (Hard, nameof(Hard)),
            (SparseTopk is not null, nameof(SparseTopk)));
        if (SparseTopkStraightThrough && SparseTopk is null)
            throw new ArgumentException("SparseTopkStraightThrough chooses the gradient of SparseTopk and needs it.", nameof(SparseTopkStraightThrough));
        if (CopeOf is not null && !Causal)
            throw new ArgumentException("UseCope counts positions back from the query and needs Causal = true.", nameof(Causal));
        if (Selective && !Causal)
            throw new ArgumentException("Selective hides keys from later queries and needs Causal = true.", nameof(Selective));
        OptionChecks.AtMostOne((InvertedAttention, nameof(InvertedAttention)), (HeadLearnedSink, nameof(HeadLearnedSink)));
        if (RequireFused && NeedScores is { Count: > 0 } needs)
        {
            throw new ArgumentException(
                $"RequireFused = true, but {string.Join(" and ", needs)} {(needs.Count == 1 ? "needs" : "need")} the scores as a matrix. "
                + "Switch off one or the other.", nameof(RequireFused));
        }
    }
}
