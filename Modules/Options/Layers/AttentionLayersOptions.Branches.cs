namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    /// <summary>
    /// Every attention. Its Dim, Heads and Causal are the stack's and left out here, and there is no DimContext: the width of a context belongs to
    /// <see cref="CrossAttn"/>.
    /// </summary>
    /// <remarks>In JSON <c>attn_…</c>.</remarks>
    [Prefix("attn_",
        Except = [nameof(AttentionOptions.Dim), nameof(AttentionOptions.Heads), nameof(AttentionOptions.Causal), nameof(AttentionOptions.DimContext),
            nameof(AttentionOptions.DimOut), nameof(AttentionOptions.RotateNumHeads), nameof(AttentionOptions.LearnedValueResidualMix)])]
    public AttentionOptions Attn { get; init; } = new();

    /// <summary>
    /// Cross-attention; null for as <see cref="Attn"/> says, save for what is self-attention's alone: MaxAttendPast, Selective,
    /// DataDependentAlibi, UseRelProjPosBias, UseCope and OrthogProjectedValues. A record of its own starts
    /// from the defaults: <c>new() { DimContext = 512 }</c>; one that differs in a few options from the other attentions is <c>attn with { DimContext = 512
    /// }</c>.
    /// </summary>
    /// <remarks>In JSON <c>cross_attn_…</c>, each on top of its <c>attn_…</c>, as x-transformers has it.</remarks>
    [Prefix(
        "cross_attn_",
        Except = [nameof(AttentionOptions.Dim), nameof(AttentionOptions.Heads), nameof(AttentionOptions.DimOut),
            nameof(AttentionOptions.LearnedValueResidualMix)],
        Over = nameof(Attn),
        NotOver = [nameof(AttentionOptions.MaxAttendPast), nameof(AttentionOptions.Selective), nameof(AttentionOptions.DataDependentAlibi),
            nameof(AttentionOptions.DataDependentAlibiPerRow), nameof(AttentionOptions.UseRelProjPosBias), nameof(AttentionOptions.UseCope),
            nameof(AttentionOptions.OrthogProjectedValues), nameof(AttentionOptions.OrthogProjectedValuesPerHead)])]
    public AttentionOptions? CrossAttn { get; init; }

    /// <summary>Every feedforward. Its Dim is the stack's and left out here.</summary>
    /// <remarks>In JSON <c>ff_…</c>.</remarks>
    [Prefix("ff_", Except = [nameof(FeedForwardOptions.Dim), nameof(FeedForwardOptions.DimOut)])]
    public FeedForwardOptions Ff { get; init; } = new();

    /// <summary>
    /// In place of <see cref="Attn"/>: one record for each self-attention, in order. Heads are equally wide in all. Null for <see cref="Attn"/> in each.
    /// </summary>
    /// <remarks>In JSON a list in place of an <c>attn_…</c> option's value.</remarks>
    [EachLayer(nameof(Attn))]
    public IReadOnlyList<AttentionOptions>? AttnEach { get; init; }

    /// <summary>In place of <see cref="CrossAttn"/>: one record for each cross-attention, in order, all for a context of one width.</summary>
    /// <remarks>In JSON a list in place of a <c>cross_attn_…</c> option's value.</remarks>
    [EachLayer(nameof(CrossAttn))]
    public IReadOnlyList<AttentionOptions>? CrossAttnEach { get; init; }

    /// <summary>In place of <see cref="Ff"/>: one record for each feedforward, in order.</summary>
    /// <remarks>In JSON a list in place of an <c>ff_…</c> option's value.</remarks>
    [EachLayer(nameof(Ff))]
    public IReadOnlyList<FeedForwardOptions>? FfEach { get; init; }

    /// <summary>The width of the context that cross-attention takes.</summary>
    internal int ContextDim => CrossAttn?.DimContext ?? CrossAttnEach?[0].DimContext ?? Dim;

    private AttentionOptions CrossAttnOrAttn => CrossAttn ?? Attn with
    {
        MaxAttendPast = null,
        Selective = false,
        DataDependentAlibi = false,
        DataDependentAlibiPerRow = false,
        UseRelProjPosBias = false,
        UseCope = false,
        OrthogProjectedValues = false,
        OrthogProjectedValuesPerHead = false,
    };

    /// <summary>The same with cross-attention to a context of that width.</summary>
    internal AttentionLayersOptions Attending(int contextDim) => this with { CrossAttend = true, CrossAttn = CrossAttnOrAttn with { DimContext = contextDim } };

    /// <summary>A self-attention of the stack, whole.</summary>
    /// <param name="ordinal">Which of them; the others mix in the values of the first.</param>
    internal AttentionOptions SelfAttention(int ordinal = 1) => Of(At(AttnEach, ordinal, Attn)) with
    {
        Causal = Causal,
        RotateNumHeads = RotateNumHeads,
        KeepsScores = ResidualAttn,
        LearnedValueResidualMix = AddValueResidual && LearnedValueResidualMix && ordinal > 0,
    };

    /// <summary>A cross-attention of the stack, whole.</summary>
    /// <param name="ordinal">Which of them.</param>
    internal AttentionOptions CrossAttention(int ordinal = 0) => Of(At(CrossAttnEach, ordinal, CrossAttnOrAttn)) with { KeepsScores = CrossResidualAttn };

    /// <summary>A feedforward of the stack, whole.</summary>
    /// <param name="ordinal">Which of them.</param>
    internal FeedForwardOptions FeedForward(int ordinal = 0)
    {
        FeedForwardOptions ff = At(FfEach, ordinal, Ff);
        return ff with { Dim = Dim, ZeroInitOutput = ff.ZeroInitOutput || ZeroInitBranchOutput };
    }

    private static T At<T>(IReadOnlyList<T>? each, int ordinal, T common) => each is null ? common : each[Math.Min(ordinal, each.Count - 1)];

    private AttentionOptions Of(AttentionOptions attention)
        => attention with { Dim = Dim, Heads = Heads, ZeroInitOutput = attention.ZeroInitOutput || ZeroInitBranchOutput };
}
