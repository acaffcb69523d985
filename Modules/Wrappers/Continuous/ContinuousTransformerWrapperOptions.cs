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

    /// <summary>The output is of the mean over the visible positions, [batch, DimOut]; x-transformers' own fails.</summary>
    public bool AveragePoolEmbed { get; init; }

    /// <summary>
    /// The output is a mean and a variance for each of <see cref="DimOut"/> channels, [2, batch, sequence, DimOut]; the projection is twice as wide, and gives
    /// means and logarithms of variances by turns.
    /// </summary>
    public bool Probabilistic { get; init; }

    /// <summary>No projection where <see cref="DimIn"/>, or the width of the output, is the stack's.</summary>
    public bool UseIdentityIfSameDim { get; init; }

    internal int MemoryTokens => NumMemoryTokens ?? 0;

    internal void Validate(int dim)
    {
        OptionChecks.Ranges(this);
        if (Probabilistic && DimOut is null && dim % 2 != 0)
            throw ForwardChecks.Wrong(
                nameof(Probabilistic),
                $"Probabilistic splits the output into means and variances, but without DimOut it is the stack's, {dim} wide, which is odd.");
        if (DimOut is { } dimOut && Probabilistic)
            OptionChecks.Product(2, dimOut, "2 · DimOut", nameof(DimOut));
    }
}
