namespace GpuTransformer.Host;

/// <summary>How heads lie in memory.</summary>
public enum AttentionLayout
{
    /// <summary>[batch, sequence, heads · headDim]: what a linear projection gives.</summary>
    SequenceMajor,

    /// <summary>[batch, heads, sequence, headDim]: torch's scaled_dot_product_attention.</summary>
    HeadMajor,
}

/// <summary>How causality is aligned when there are more keys than queries.</summary>
public enum CausalAlignment
{
    /// <summary>Every query sees every key.</summary>
    None,

    /// <summary>The last query sees the last key (x-transformers): j ≤ i + keys − queries.</summary>
    BottomRight,

    /// <summary>The first query sees the first key only (torch): j ≤ i.</summary>
    TopLeft,
}

/// <summary>Which key/value head a query head reads when there are fewer of them.</summary>
public enum HeadGrouping
{
    /// <summary>h % keyValueHeads (x-transformers).</summary>
    Modulo,

    /// <summary>h / (heads / keyValueHeads) (torch's enable_gqa).</summary>
    Blocks,
}

/// <summary>
/// How one call of <see cref="Operators.Attention"/> makes its scores: everything besides query, key and value. What is null or default is off and costs
/// nothing.
/// </summary>
public sealed record ScoreOptions
{
    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key/value heads; 0 for as many as query heads.</summary>
    public int KeyValueHeads { get; init; }

    /// <summary>Which key/value head a query head reads.</summary>
    public HeadGrouping Grouping { get; init; }

    /// <summary>How heads lie in memory.</summary>
    public AttentionLayout Layout { get; init; }

    /// <summary>Multiplies q·k; null for headDim^-0.5.</summary>
    public float? Scale { get; init; }

    /// <summary>Causality. A single query is never restricted under <see cref="CausalAlignment.BottomRight"/>, which sees every key by definition.</summary>
    public CausalAlignment Causal { get; init; }

    /// <summary>A key is visible only if it is at most this many positions behind the query; null for no limit.</summary>
    public int? Window { get; init; }

    /// <summary>bool [batch, keys]: true where the key is visible. Must not cover <see cref="FreeColumns"/>.</summary>
    public Tensor? KeyMask { get; init; }

    /// <summary>bool [batch|1, heads|1, queries|1, keys]: true where the key is visible to the query.</summary>
    public Tensor? Mask { get; init; }

    /// <summary>
    /// Real [batch|1, heads|1, queries|1, keys], added to the scaled scores. Float32. −∞ hides the key as a mask does; a finite number never does, however low.
    /// </summary>
    public Tensor? Bias { get; init; }

    /// <summary>float32 [heads]: ALiBi slopes; a head with slope zero has no bias.</summary>
    public Tensor? AlibiSlopes { get; init; }

    /// <summary>float32 [batch|1, heads|1, keys]: positions for ALiBi in place of 0, 1, 2, …; needs as many queries as keys.</summary>
    public Tensor? AlibiPositions { get; init; }

    /// <summary>
    /// float32 [heads, span]: a bias by distance. Added to the scaled score of query i and key j is the head's entry j' − i' + <see cref="DistanceOrigin"/>, or
    /// the table's first or last where that lies outside; i' and j' are their positions, the last query standing at the last key. Free columns have none. An
    /// entry of −∞ hides a key as <see cref="Bias"/> does. Not together with <see cref="AlibiSlopes"/>.
    /// </summary>
    public Tensor? DistanceBias { get; init; }

    /// <summary>Which entry of <see cref="DistanceBias"/> is for a key at the query's own position; it may lie outside the table. Default 0.</summary>
    public int DistanceOrigin { get; init; }

    /// <summary>c in c · tanh(score / c); null for none.</summary>
    public float? SoftClamp { get; init; }

    /// <summary>Leading keys that every query sees without bias (memory keys).</summary>
    public int FreeColumns { get; init; }

    /// <summary>
    /// How many rows of the key and value tensors are keys and values, from the first: the rest is room for more, and is not read. Null for all of them. For
    /// inference; masks and biases are as wide as the keys that count.
    /// </summary>
    public int? KeyCount { get; init; }

    /// <summary>p in [0, 1): with this probability a probability of the softmax becomes zero, otherwise it is divided by 1 − p.</summary>
    public float Dropout { get; init; }

    /// <summary>
    /// The run's seed. What is dropped depends on seed, stream, row and key alone, on every device alike; nothing is stored, backward draws it again.
    /// </summary>
    public ulong DropoutSeed { get; init; }

    /// <summary>A number for each call of a run, as in <see cref="Operators.Dropout(Tensor, float, ulong, ulong)"/>.</summary>
    public ulong DropoutStream { get; init; }
}
