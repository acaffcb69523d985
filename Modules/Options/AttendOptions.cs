namespace GpuTransformer.Modules;

/// <summary>
/// One <see cref="Attend"/>: softmax(scale · q kᵀ + bias) v on queries, keys and values as they come. Names and defaults are x-transformers'.
/// </summary>
public sealed record AttendOptions
{
    /// <summary>Query heads; null for those of the queries passed.</summary>
    [Takes(OptionRange.Positive)]
    public int? Heads { get; init; }

    /// <summary>A query sees no later key; the last query sees the last key.</summary>
    public bool Causal { get; init; }

    /// <summary>Attention here is always fused; accepted for x-transformers' sake and without effect.</summary>
    public bool Flash { get; init; }

    /// <summary>Multiplies q·k; null for the queries' width^-0.5.</summary>
    [Takes(OptionRange.Finite)]
    public float? Scale { get; init; }

    /// <summary>Chooses the softmax's precision upstream; the softmax here is always float32.</summary>
    public bool QkNorm { get; init; }

    /// <summary>Dropout on the attention probabilities, in training only.</summary>
    [Takes(OptionRange.Probability)]
    public float Dropout { get; init; }

    /// <summary>Clamp the scores (scaled, with bias) by c · tanh(score / c).</summary>
    public bool SoftclampLogits { get; init; }

    /// <summary>c of <see cref="SoftclampLogits"/>.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float LogitSoftclampValue { get; init; } = 50;

    /// <summary>A zero key and value put before the others, visible to every query.</summary>
    public bool AddZeroKv { get; init; }
}
