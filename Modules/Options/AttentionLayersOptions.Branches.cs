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

    /// <summary>The width of the context that cross-attention takes.</summary>
    internal int ContextDim => CrossAttn?.DimContext ?? Dim;

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
    /// <param name="isFirst">Whether it is the first of the stack, whose values the others mix in.</param>
    internal AttentionOptions SelfAttention(bool isFirst = false) => Of(Attn) with
    {
        Causal = Causal,
        RotateNumHeads = RotateNumHeads,
        KeepsScores = ResidualAttn,
        LearnedValueResidualMix = AddValueResidual && LearnedValueResidualMix && !isFirst,
    };

    /// <summary>A cross-attention of the stack, whole.</summary>
    internal AttentionOptions CrossAttention() => Of(CrossAttnOrAttn) with { KeepsScores = CrossResidualAttn };

    /// <summary>A feedforward of the stack, whole.</summary>
    internal FeedForwardOptions FeedForward() => Ff with { Dim = Dim, ZeroInitOutput = Ff.ZeroInitOutput || ZeroInitBranchOutput };

    private AttentionOptions Of(AttentionOptions attention)
        => attention with { Dim = Dim, Heads = Heads, ZeroInitOutput = attention.ZeroInitOutput || ZeroInitBranchOutput };

    // What the stack decides cannot be decided again by a part of it.
    private void ValidateBranches()
    {
        foreach ((AttentionOptions? attention, string name) in new[] { (Attn, nameof(Attn)), (CrossAttn, nameof(CrossAttn)) })
        {
            if (attention is null)
                continue;
            OptionChecks.LeftTo(nameof(Dim), Dim, attention.Dim, $"{name}.{nameof(attention.Dim)}");
            OptionChecks.LeftTo(nameof(Heads), Heads, attention.Heads, $"{name}.{nameof(attention.Heads)}");
            OptionChecks.LeftTo(nameof(Dim), Dim, attention.DimOut, $"{name}.{nameof(attention.DimOut)}");
            if (attention.LearnedValueResidualMix)
                throw new ArgumentException($"{name}.LearnedValueResidualMix = true, but the stack decides that: AddValueResidual.", name);
        }

        OptionChecks.LeftTo(nameof(Dim), Dim, Ff.Dim, $"{nameof(Ff)}.{nameof(Ff.Dim)}");
        OptionChecks.LeftTo(nameof(Dim), Dim, Ff.DimOut, $"{nameof(Ff)}.{nameof(Ff.DimOut)}");
        if (Attn.Causal && !Causal)
            throw new ArgumentException(
                "Attn.Causal = true, but the stack decides causality: use a Decoder, or AttentionLayers with Causal = true.", nameof(Attn));
        if (Attn.DimContext is { } width)
        {
            throw new ArgumentException(
                $"Attn.DimContext = {width} would change self-attention too; the width of the context is CrossAttn.DimContext: "
                + $"CrossAttn = new() {{ DimContext = {width} }}.", nameof(Attn));
        }

        if (CrossAttn?.DimContext is not null && !CrossAttend)
            throw new ArgumentException(
                $"CrossAttn.DimContext = {CrossAttn.DimContext} is the width of a context, but CrossAttend is off, so none is attended.", nameof(CrossAttn));
    }
}
