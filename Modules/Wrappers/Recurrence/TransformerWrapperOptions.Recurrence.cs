namespace GpuTransformer.Modules;

public sealed partial record TransformerWrapperOptions
{
    /// <summary>
    /// The stack runs several times over the embeddings, each time plus a projection of what it gave before; only the last pass learns. How often, each call
    /// says by <see cref="TokenInputs.RecycleSteps"/>; in training it may leave it to chance.
    /// </summary>
    public bool Recycling { get; init; }

    /// <summary>Where a call in training does not say how often to recycle: a number from 1 to this is drawn.</summary>
    [Takes(OptionRange.Positive)]
    public int TrainMaxRecycleSteps { get; init; } = 4;

    /// <summary>
    /// The stack runs several times, each time over what it gave before; a gate learns after which pass to stop. Needs the stack's PreAndPostNorm. The loss of
    /// an <see cref="AutoregressiveWrapper"/> is then one of all passes and of the gate.
    /// </summary>
    public bool Looped { get; init; }

    /// <summary>How often the stack of <see cref="Looped"/> runs, where a call does not say otherwise.</summary>
    [Takes(OptionRange.Positive)]
    public int MaxLoopedSteps { get; init; } = 4;

    /// <summary>Each <see cref="NumMemoryTokens"/> stand in front of every so many positions, and not of the whole sequence; for causal stacks.</summary>
    [Takes(OptionRange.Positive)]
    public int? MemoryTokensInterspersedEvery { get; init; }

    /// <summary>
    /// Feedforward i's output is multiplied by a learned vector for the token and for i: of the first Depth feedforwards of the stack. What stands in front of
    /// the tokens is multiplied by one.
    /// </summary>
    /// <remarks>Peng 2025, RWKV-8.</remarks>
    public bool FfDeepEmbed { get; init; }

    private void ValidateRecurrence()
    {
        OptionChecks.AtMostOne((Recycling, nameof(Recycling)), (Looped, nameof(Looped)));
        if (MemoryTokensInterspersedEvery is not null && MemoryTokens == 0)
            throw new ArgumentException(
                $"MemoryTokensInterspersedEvery = {MemoryTokensInterspersedEvery}, but there are no memory tokens; set NumMemoryTokens.",
                nameof(MemoryTokensInterspersedEvery));
    }

    private void ValidateStack(AttentionLayersOptions stack)
    {
        if (Looped && !stack.PreAndPostNorm)
            throw ForwardChecks.Wrong(nameof(Looped), "Looped gives the stack its own output, which needs the stack's PreAndPostNorm = true.");
        if (MemoryTokensInterspersedEvery is not null && !stack.Causal)
            throw ForwardChecks.Wrong(
                nameof(MemoryTokensInterspersedEvery),
                $"MemoryTokensInterspersedEvery = {MemoryTokensInterspersedEvery} is for causal stacks; use a {nameof(Decoder)}.");
        if (AddContinuousPredHead && EmbDim is { } width && width != stack.Dim)
            throw ForwardChecks.Wrong(
                nameof(AddContinuousPredHead),
                $"AddContinuousPredHead predicts embeddings, EmbDim = {width} wide, from the stack's output, {stack.Dim} wide; they must be equal.");
        if (FfDeepEmbed && stack.Depth is null)
            throw ForwardChecks.Wrong(nameof(FfDeepEmbed), "FfDeepEmbed has a vector for each of Depth feedforwards, but the stack's Depth is left out.");
    }
}
