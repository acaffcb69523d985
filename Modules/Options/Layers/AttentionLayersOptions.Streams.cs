namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    /// <summary>How many residual streams there are; hyper-connections part and join them where there are several.</summary>
    [Takes(OptionRange.Positive)]
    public int NumResidualStreams { get; init; } = 1;

    /// <summary>How often the streams' mixing matrix is normalised along both its axes.</summary>
    [Takes(OptionRange.Count)]
    public int HyperConnSinkhornIters { get; init; } = 5;

    /// <summary>
    /// The streams are all added up in every layer, as x-transformers 2.26 does in place of mixing them by a doubly stochastic matrix: for its checkpoints. An
    /// option of this library.
    /// </summary>
    public bool HyperConnUnconstrainedMixing { get; init; }

    /// <summary>
    /// Self-attention's queries, keys and values are projected from different mixtures of the streams. On with <see cref="IntegrateLayers"/>.
    /// </summary>
    public bool QkvReceiveDiffResiduals { get; init; }

    /// <summary>Of a branch's output only what is orthogonal to the stream is added. Looks at whole sequences, later positions included.</summary>
    public bool OrthogResidual { get; init; }

    /// <summary>A branch's output is added with factors of its own for its mean over the sequence and for the rest. Looks at whole sequences.</summary>
    public bool MvSplitResidual { get; init; }

    /// <summary>More about <see cref="MvSplitResidual"/>.</summary>
    public ResidualFunctionOptions? ResidualFnKwargs { get; init; }

    /// <summary>A layer's input is a learned mixture of the inputs of all layers up to it, different for queries, keys and values.</summary>
    public bool IntegrateLayers { get; init; }

    /// <summary>With <see cref="IntegrateLayers"/>: the mixture's weights are a softmax; otherwise a ReLU.</summary>
    public bool LayerIntegrateUseSoftmax { get; init; } = true;

    /// <summary>Every block of the second half is given the stream of its counterpart in the first half too.</summary>
    public bool UnetSkips { get; init; }

    /// <summary>A projection of the stack's input is added to every layer's input.</summary>
    public bool ReinjectInput { get; init; }

    /// <summary>What is added to every layer's input is multiplied by a gate, the sigmoid of a projection of the stack's input to one number.</summary>
    public bool LearnedReinjectInputGate { get; init; }

    /// <summary>The values of every attention are mixed with those of the first of its kind.</summary>
    public bool AddValueResidual { get; init; }

    /// <summary>With <see cref="AddValueResidual"/>: self-attention learns how much; otherwise, and in cross-attention, it is one half.</summary>
    public bool LearnedValueResidualMix { get; init; } = true;

    /// <summary>The scores of every self-attention, bias and masks included, are added to those of the next. Needs the scores as a matrix.</summary>
    public bool ResidualAttn { get; init; }

    /// <summary>As <see cref="ResidualAttn"/>, in cross-attention.</summary>
    public bool CrossResidualAttn { get; init; }

    /// <summary>
    /// By how many positions every layer's input is shifted at most: 1 gives half of the channels to the position before (a third each to both sides where the
    /// stack is not causal), and so on.
    /// </summary>
    [Takes(OptionRange.Count)]
    public int ShiftTokens { get; init; }

    /// <summary>Probability that training leaves out a token of the context, anew before each cross-attention.</summary>
    [Takes(OptionRange.Probability)]
    public float CrossAttnTokensDropout { get; init; }

    private void ValidateStreams()
    {
        OptionChecks.AtMostOne(
            (GateResidual, nameof(GateResidual)), (OrthogResidual, nameof(OrthogResidual)), (MvSplitResidual, nameof(MvSplitResidual)),
            (NumResidualStreams > 1, nameof(NumResidualStreams)));
        if (NumResidualStreams > 1)
        {
            OptionChecks.AtMostOne(
                (true, nameof(NumResidualStreams)), (UnetSkips, nameof(UnetSkips)), (ReinjectInput, nameof(ReinjectInput)), (!PreNorm, "PreNorm = false"),
                (PreAndPostNorm, nameof(PreAndPostNorm)));
        }

        if (QkvReceiveDiffResiduals && !IntegrateLayers && NumResidualStreams == 1)
            throw new ArgumentException(
                "QkvReceiveDiffResiduals chooses between streams or layers: it needs NumResidualStreams above 1, or IntegrateLayers.",
                nameof(QkvReceiveDiffResiduals));
        if (ResidualFnKwargs is not null && !MvSplitResidual)
            throw new ArgumentException("ResidualFnKwargs describes MvSplitResidual, which is off.", nameof(ResidualFnKwargs));
        if (ShiftTokens > 0 && ShiftTokens * (Causal ? 1L : 2L) >= Dim)
            throw new ArgumentException($"ShiftTokens = {ShiftTokens} parts Dim = {Dim} channels into more segments than there are.", nameof(ShiftTokens));
        if (UnetSkips && (CustomLayers is not null || ParRatio is not null || SandwichCoef is not null || WeightTieLayers || Depth < 2))
            throw new ArgumentException(
                "UnetSkips joins blocks of the first half with those of the second: it needs Depth of at least 2, and plain blocks.", nameof(UnetSkips));
        if (CrossAttnTokensDropout > 0 && !CrossAttend)
            throw new ArgumentException("CrossAttnTokensDropout leaves out tokens of a context, but CrossAttend is off.", nameof(CrossAttnTokensDropout));
    }
}

/// <summary>x-transformers' <c>residual_fn_kwargs</c>, for MvSplitResidual.</summary>
public sealed record ResidualFunctionOptions
{
    /// <summary>The factors are projections of the mean of the branch's output, and not the same for all.</summary>
    public bool Learned { get; init; }

    /// <summary>The factor on the difference of the means at the start.</summary>
    [Takes(OptionRange.Finite)]
    public float InitAlpha { get; init; }

    /// <summary>The factor on the rest at the start.</summary>
    [Takes(OptionRange.Finite)]
    public float InitBeta { get; init; } = 0.03f;
}
