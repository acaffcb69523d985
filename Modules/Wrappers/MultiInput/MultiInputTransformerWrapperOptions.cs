namespace GpuTransformer.Modules;

/// <summary>A <see cref="MultiInputTransformerWrapper"/> without its stack. Names and defaults are x-transformers'.</summary>
public sealed record MultiInputTransformerWrapperOptions
{
    /// <summary>The streams of tokens by name: how many tokens each has. At least one; a name has no dot.</summary>
    public required IReadOnlyDictionary<string, int> NumTokens { get; init; }

    /// <inheritdoc cref="TransformerWrapperOptions.MaxSeqLen"/>
    [Takes(OptionRange.Count)]
    public required int MaxSeqLen { get; init; }

    /// <inheritdoc cref="TransformerWrapperOptions.EmbDim"/>
    [Takes(OptionRange.Positive)]
    public int? EmbDim { get; init; }

    /// <inheritdoc cref="TransformerWrapperOptions.EmbDropout"/>
    [Takes(OptionRange.Probability)]
    public float EmbDropout { get; init; }

    /// <inheritdoc cref="TransformerWrapperOptions.PostEmbNorm"/>
    public bool PostEmbNorm { get; init; }

    /// <inheritdoc cref="TransformerWrapperOptions.UseAbsPosEmb"/>
    public bool UseAbsPosEmb { get; init; } = true;

    /// <inheritdoc cref="TransformerWrapperOptions.ScaledSinuPosEmb"/>
    public bool ScaledSinuPosEmb { get; init; }

    /// <inheritdoc cref="TransformerWrapperOptions.ReturnOnlyEmbed"/>
    public bool ReturnOnlyEmbed { get; init; }

    /// <inheritdoc cref="TransformerWrapperOptions.NumMemoryTokens"/>
    [Takes(OptionRange.Count)]
    public int? NumMemoryTokens { get; init; }

    /// <inheritdoc cref="TransformerWrapperOptions.MemoryTokensInterspersedEvery"/>
    [Takes(OptionRange.Positive)]
    public int? MemoryTokensInterspersedEvery { get; init; }

    /// <inheritdoc cref="TransformerWrapperOptions.EmbFracGradient"/>
    public float EmbFracGradient { get; init; } = 1;

    /// <summary>What a model of one stream with these options would be: the same rules hold.</summary>
    internal TransformerWrapperOptions Single() => new()
    {
        NumTokens = NumTokens.Values.First(),
        MaxSeqLen = MaxSeqLen,
        EmbDim = EmbDim,
        EmbDropout = EmbDropout,
        PostEmbNorm = PostEmbNorm,
        UseAbsPosEmb = UseAbsPosEmb,
        ScaledSinuPosEmb = ScaledSinuPosEmb,
        ReturnOnlyEmbed = ReturnOnlyEmbed,
        NumMemoryTokens = NumMemoryTokens,
        MemoryTokensInterspersedEvery = MemoryTokensInterspersedEvery,
        EmbFracGradient = EmbFracGradient,
    };

    internal void Validate(AttentionLayersOptions stack)
    {
        if (NumTokens is not { Count: > 0 })
            throw ForwardChecks.Wrong(nameof(NumTokens), "NumTokens names no stream of tokens; at least one is needed.");
        foreach ((string name, int tokens) in NumTokens)
            OptionChecks.Positive(tokens, $"{nameof(NumTokens)}[{name}]");
        Single().Validate();
        Single().ValidateAround(stack);
    }
}
