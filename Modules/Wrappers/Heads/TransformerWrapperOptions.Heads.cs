namespace GpuTransformer.Modules;

public sealed partial record TransformerWrapperOptions
{
    /// <summary>How many heads of logits; with several the output is [heads, …, logits].</summary>
    [Takes(OptionRange.Positive)]
    public int NumOutputHeads { get; init; } = 1;

    /// <summary>
    /// The output is the logarithm of a mixture of <see cref="MixtureOfSoftmaxK"/> softmaxes, ln Σ_k share_k · softmax(logits_k), whose shares are a softmax
    /// of their own: logarithms of probabilities in place of logits, of higher rank than one softmax can have.
    /// </summary>
    /// <remarks>Yang et al. 2018, "Breaking the Softmax Bottleneck".</remarks>
    public bool MixtureOfSoftmax { get; init; }

    /// <summary>How many softmaxes <see cref="MixtureOfSoftmax"/> mixes.</summary>
    [Takes(OptionRange.Positive)]
    public int MixtureOfSoftmaxK { get; init; } = 4;

    /// <summary>Logits are x + ln σ(x) of what they would be: a softmax of them is a sigsoftmax.</summary>
    /// <remarks>Kanai et al. 2018, "Sigsoftmax".</remarks>
    public bool SigsoftmaxLogits { get; init; }

    /// <summary>
    /// An <see cref="AttentionPool"/> over the output. Around a stack that sees the whole sequence the output is its tokens, [batch, NumPooledTokens,
    /// DimPooledTokens], in place of logits; around a causal one <see cref="TransformerWrapper.PooledTokens"/> gives them.
    /// </summary>
    public bool AttnPool { get; init; }

    /// <summary>How many tokens <see cref="AttnPool"/> gives.</summary>
    [Takes(OptionRange.Positive)]
    public int NumPooledTokens { get; init; } = 1;

    /// <summary>The layers of <see cref="AttnPool"/>: 1 for one attention, more for a stack of cross-attention and feedforward.</summary>
    [Takes(OptionRange.Positive)]
    public int AttnPoolDepth { get; init; } = 1;

    /// <summary>The width of the tokens of <see cref="AttnPool"/>; null for the stack's.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimPooledTokens { get; init; }

    /// <summary>
    /// A head beside the logits predicts the next token's embedding; an <see cref="AutoregressiveWrapper"/> then adds how far off it is to its loss.
    /// </summary>
    public bool AddContinuousPredHead { get; init; }

    private void ValidateHeads()
    {
        OptionChecks.AtMostOne(
            (AddContinuousPredHead, nameof(AddContinuousPredHead)), (AveragePoolEmbed, nameof(AveragePoolEmbed)), (UseClsToken, nameof(UseClsToken)));
        OptionChecks.AtMostOne(
            (AveragePoolEmbed, nameof(AveragePoolEmbed)), (UseClsToken, nameof(UseClsToken)), (AttnPool, nameof(AttnPool)));
        OptionChecks.AtMostOne((TieEmbedding, nameof(TieEmbedding)), (ReturnOnlyEmbed, nameof(ReturnOnlyEmbed)));
        OptionChecks.AtMostOne((LogitsDim is not null, nameof(LogitsDim)), (TieEmbedding, nameof(TieEmbedding)), (ReturnOnlyEmbed, nameof(ReturnOnlyEmbed)));
        OptionChecks.AtMostOne((NumOutputHeads > 1, nameof(NumOutputHeads)), (TieEmbedding, nameof(TieEmbedding)), (ReturnOnlyEmbed, nameof(ReturnOnlyEmbed)));
        OptionChecks.AtMostOne(
            (NumOutputHeads > 1, nameof(NumOutputHeads)), (MixtureOfSoftmax, nameof(MixtureOfSoftmax)), (ReturnOnlyEmbed, nameof(ReturnOnlyEmbed)));
        OptionChecks.AtMostOne((SigsoftmaxLogits, nameof(SigsoftmaxLogits)), (ReturnOnlyEmbed, nameof(ReturnOnlyEmbed)));
        OptionChecks.AtMostOne((AttnPool, nameof(AttnPool)), (ReturnOnlyEmbed, nameof(ReturnOnlyEmbed)));
    }
}
