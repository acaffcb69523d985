namespace GpuTransformer.Modules;

/// <summary>A <see cref="TransformerWrapper"/> without its stack. Names and defaults are x-transformers'.</summary>
public sealed partial record TransformerWrapperOptions
{
    /// <summary>How many tokens there are.</summary>
    [Takes(OptionRange.Positive)]
    public required int NumTokens { get; init; }

    /// <summary>How many positions the learned table has; 0 for no absolute positions.</summary>
    [Takes(OptionRange.Count)]
    public required int MaxSeqLen { get; init; }

    /// <summary>The width of token and position vectors; null for the stack's. Another width is projected to the stack's.</summary>
    [Takes(OptionRange.Positive)]
    public int? EmbDim { get; init; }

    /// <summary>Dropout on the embeddings, in training only.</summary>
    [Takes(OptionRange.Probability)]
    public float EmbDropout { get; init; }

    /// <summary>A LayerNorm on the sum of all embeddings.</summary>
    public bool PostEmbNorm { get; init; }

    /// <summary>Absolute positions, unless <see cref="MaxSeqLen"/> is 0 or the stack's DisableAbsPosEmb.</summary>
    public bool UseAbsPosEmb { get; init; } = true;

    /// <summary>Absolute positions are sines and cosines times a learned number, in place of a learned table.</summary>
    public bool ScaledSinuPosEmb { get; init; }

    /// <summary>Token and position vectors are brought to length one.</summary>
    public bool L2normEmbed { get; init; }

    /// <summary>Logits are products with the token table: no parameters of their own.</summary>
    public bool TieEmbedding { get; init; }

    /// <summary>How many logits there are; null for <see cref="NumTokens"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int? LogitsDim { get; init; }

    /// <summary>No logits: the output is the stack's.</summary>
    public bool ReturnOnlyEmbed { get; init; }

    /// <summary>Learned tokens put in front of the sequence and taken away after the stack.</summary>
    [Takes(OptionRange.Count)]
    public int? NumMemoryTokens { get; init; }

    /// <summary>The output is of the mean over the (visible) tokens.</summary>
    public bool AveragePoolEmbed { get; init; }

    /// <summary>Learned class tokens in front of the sequence; the output is of them alone.</summary>
    public bool UseClsToken { get; init; }

    /// <summary>How many class tokens; with one the output has no sequence axis.</summary>
    [Takes(OptionRange.Positive)]
    public int NumClsTokens { get; init; } = 1;

    /// <summary>With one logit: the output has no logit axis.</summary>
    public bool SqueezeOutLastDim { get; init; }

    /// <summary>More embeddings added to the tokens', by name: how many entries each has.</summary>
    public IReadOnlyDictionary<string, int> EmbedNumTokens { get; init; } = new Dictionary<string, int>();

    /// <summary>The share of the gradient that reaches the embeddings.</summary>
    public float EmbFracGradient { get; init; } = 1;

    internal int MemoryTokens => NumMemoryTokens ?? 0;

    internal int ClsTokens => UseClsToken ? NumClsTokens : 0;

    internal void Validate()
    {
        OptionChecks.Ranges(this);
        OptionChecks.AtMostOne((ScaledSinuPosEmb, nameof(ScaledSinuPosEmb)), (CustomPositions is not null, nameof(CustomPositions)));
        ValidateHeads();
        ValidateRecurrence();
        if (SqueezeOutLastDim && (LogitsDim ?? NumTokens) != 1)
            throw new ArgumentException(
                $"SqueezeOutLastDim drops an axis of length 1, but there are {LogitsDim ?? NumTokens} logits; set LogitsDim = 1.", nameof(SqueezeOutLastDim));
        if (!(EmbFracGradient >= 0 && EmbFracGradient <= 1))
            throw new ArgumentException($"EmbFracGradient = {EmbFracGradient}, but a share lies in [0, 1].", nameof(EmbFracGradient));
        foreach ((string name, int entries) in EmbedNumTokens)
            OptionChecks.Positive(entries, $"{nameof(EmbedNumTokens)}[{name}]");
    }

    internal void ValidateAround(AttentionLayersOptions stack)
    {
        ValidateStack(stack);
        int stackDim = stack.Dim;
        if (TieEmbedding && EmbDim is { } width && width != stackDim)
            throw ForwardChecks.Wrong(
                nameof(TieEmbedding),
                $"TieEmbedding multiplies the stack's output, {stackDim} wide, with the token table, EmbDim = {width} wide; they must be equal.");
    }
}
