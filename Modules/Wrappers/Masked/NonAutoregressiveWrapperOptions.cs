namespace GpuTransformer.Modules;

/// <summary>A <see cref="NonAutoregressiveWrapper"/>. Names and defaults are x-transformers'.</summary>
public sealed record NonAutoregressiveWrapperOptions
{
    /// <summary>The token that stands for one that is not known yet; one of the model's.</summary>
    [Takes(OptionRange.Count)]
    public required int MaskId { get; init; }

    /// <summary>In how many passes a sequence is written.</summary>
    [Takes(OptionRange.Positive)]
    public int Steps { get; init; } = 18;

    /// <summary>The model is given a projection of what it made of the sequence before: of the pass before in writing, of one more pass in training.</summary>
    public bool SelfCond { get; init; }

    /// <summary>How likely <see cref="SelfCond"/> gives a pass in training, and not a learned vector for none.</summary>
    public float SelfCondTrainProb { get; init; } = 0.75f;

    /// <summary>In every other batch this share of the tokens to guess is left as it is.</summary>
    [Takes(OptionRange.Probability)]
    public float NoReplaceProb { get; init; } = 0.15f;

    /// <summary>In every other batch this share of the tokens to guess is replaced by any token, and not by <see cref="MaskId"/>.</summary>
    [Takes(OptionRange.Probability)]
    public float RandomTokenProb { get; init; } = 0.1f;

    /// <summary>How many tokens are hidden at time t in [0, 1]: 1 − t of them with "linear", cos(t · π / 2) with "cosine".</summary>
    public string Schedule { get; init; } = "linear";

    /// <summary>In writing, tokens that were chosen may be hidden again.</summary>
    public bool CanMaskPrevUnmasked { get; init; }

    /// <summary>A critic on the model's own embeddings learns which tokens were guessed wrong, and says in writing which to hide again.</summary>
    public bool SelfTokenCritic { get; init; }

    /// <summary>The weight of the critic's loss beside the model's.</summary>
    public float CriticLossWeight { get; init; } = 1;

    /// <summary>A sequence's loss is weighted by |m'(t)| / m(t), m being the schedule and t the time that was drawn for it.</summary>
    /// <remarks>Sahoo et al. 2024, "Simple and Effective Masked Diffusion Language Models".</remarks>
    public bool UseSimpleMdlmLossWeight { get; init; } = true;

    /// <summary>The share of tokens that is hidden at a time.</summary>
    internal double Hidden(double time) => Schedule == "cosine" ? Math.Cos(time * Math.PI / 2) : 1 - time;

    /// <summary>How fast that share shrinks.</summary>
    internal double Shrinking(double time) => Schedule == "cosine" ? Math.PI / 2 * Math.Sin(time * Math.PI / 2) : 1;

    internal void Validate(int tokens)
    {
        OptionChecks.Ranges(this);
        if (MaskId >= tokens)
            throw ForwardChecks.Wrong(nameof(MaskId), $"MaskId = {MaskId} is read by the model, so it must be one of its tokens: 0 to {tokens - 1}.");
        if (Schedule is not ("linear" or "cosine"))
            throw ForwardChecks.Wrong(nameof(Schedule), $"Schedule = '{Schedule}', but it must be 'linear' or 'cosine'.");
        if (!(SelfCondTrainProb >= 0 && SelfCondTrainProb <= 1))
            throw ForwardChecks.Wrong(nameof(SelfCondTrainProb), $"SelfCondTrainProb = {SelfCondTrainProb}, but a probability lies in [0, 1].");
        if (!(CriticLossWeight >= 0 && float.IsFinite(CriticLossWeight)))
            throw ForwardChecks.Wrong(nameof(CriticLossWeight), $"CriticLossWeight = {CriticLossWeight}, but it must be zero or a positive number.");
    }
}
