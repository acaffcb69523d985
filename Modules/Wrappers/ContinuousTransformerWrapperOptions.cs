namespace GpuTransformer.Modules;

/// <summary>A <see cref="ContinuousTransformerWrapper"/> without its stack. Names and defaults are x-transformers'.</summary>
public sealed record ContinuousTransformerWrapperOptions
{
    /// <summary>The input's width; null for the stack's, and no projection.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimIn { get; init; }

    /// <summary>The output's width; null for the stack's, and no projection.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimOut { get; init; }

    /// <summary>How many positions the learned table has; null or 0 for no absolute positions.</summary>
    [Takes(OptionRange.Count)]
    public int? MaxSeqLen { get; init; }

    /// <summary>Absolute positions, unless there is no <see cref="MaxSeqLen"/> or the stack's DisableAbsPosEmb.</summary>
    public bool UseAbsPosEmb { get; init; } = true;

    /// <summary>Absolute positions are sines and cosines times a learned number, in place of a learned table.</summary>
    public bool ScaledSinuPosEmb { get; init; }

    /// <summary>A LayerNorm after the positions are added.</summary>
    public bool PostEmbNorm { get; init; }

    /// <summary>Dropout on the embeddings, in training only.</summary>
    [Takes(OptionRange.Probability)]
    public float EmbDropout { get; init; }

    /// <summary>Learned tokens put in front of the sequence and taken away after the stack.</summary>
    [Takes(OptionRange.Count)]
    public int? NumMemoryTokens { get; init; }

    internal int MemoryTokens => NumMemoryTokens ?? 0;

    internal void Validate() => OptionChecks.Ranges(this);
}
