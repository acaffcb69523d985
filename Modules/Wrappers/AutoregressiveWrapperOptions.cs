namespace GpuTransformer.Modules;

/// <summary>An <see cref="AutoregressiveWrapper"/>. Names and defaults are x-transformers'.</summary>
public sealed record AutoregressiveWrapperOptions
{
    /// <summary>Tokens with this number are no targets.</summary>
    public int IgnoreIndex { get; init; } = -100;

    /// <summary>What the model reads where a token is <see cref="IgnoreIndex"/>.</summary>
    public int PadValue { get; init => field = OptionChecks.Count(value); }

    /// <summary>
    /// In training this share of every sequence, never its first token, is hidden from self-attention as keys, drawn anew in each step: in [0, 1), 0 for none.
    /// </summary>
    /// <remarks>Liu et al. 2022, "FCM".</remarks>
    public float MaskProb { get; init => field = (float)OptionChecks.Kept(value); }

    /// <summary>Around a model with AddContinuousPredHead: the weight of how far off the predicted embeddings are, in the mean |…| of a channel.</summary>
    public float NextEmbedLossWeight { get; init => field = (float)OptionChecks.NotNegativeNumber(value); } = 0.1f;

    /// <summary>Around a looped model: by how much another pass must lower a token's loss for the gate to learn to go on.</summary>
    public float LoopedLossThresholdExit { get; init => field = (float)OptionChecks.NotNegativeNumber(value); } = 0.05f;

    /// <summary>Around a looped model: how sharply the gate's target turns at that threshold.</summary>
    public float LoopedLossSlope { get; init => field = (float)OptionChecks.NotNegativeNumber(value); } = 50;

    /// <summary>Around a looped model: the weight of the gate's loss beside the tokens'.</summary>
    public float LoopedExitLossWeight { get; init => field = (float)OptionChecks.NotNegativeNumber(value); } = 1;

    /// <summary>The loss has the z-loss of all attentions added, which then have their scores in memory.</summary>
    public bool AddAttnZLoss { get; init; }
}
