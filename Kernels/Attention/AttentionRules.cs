namespace GpuTransformer.Kernels;

/// <summary>
/// Which keys a query sees and what is added to its scores, as numbers; the arrays (masks, slopes, positions, bias) travel beside it.
/// score = softclamp(scale · q·k + bias); a key that a mask, the range or a bias of −∞ hides contributes exactly nothing, whatever it holds; a query that sees
/// no key has output exactly zero.
/// </summary>
internal struct AttentionRules
{
    /// <summary>The log-sum-exp stored for a query that sees no key: finite, so that arithmetic on it makes no NaN.</summary>
    public const float DeadLogSumExp = -1e30f;

    /// <summary>
    /// What a score that lies below it counts as: −∞ stands for a hidden key alone, so a finite number never hides one, not even where it overflows on its way
    /// to the score.
    /// </summary>
    public const float LowestScore = float.MinValue;

    /// <summary>Multiplies q·k.</summary>
    public float Scale;

    /// <summary>c in c · tanh(score / c), applied to score plus bias; 0 for none.</summary>
    public float SoftClamp;

    /// <summary>1 where there is no mask, no bias and no clamp, which spares the kernels the questions.</summary>
    public int ScoreIsProduct;

    /// <summary>Leading keys that every query sees, without bias: memory keys and the zero key.</summary>
    public int FreeColumns;

    /// <summary>1 where key j is visible to query i only if j ≤ i + <see cref="CausalOffset"/>.</summary>
    public int Causal;

    /// <summary>Keys − Queries for bottom-right alignment (x-transformers), 0 for top-left (torch).</summary>
    public int CausalOffset;

    /// <summary>How far back a query sees: key j is visible only if (i + Keys − Queries) − j ≤ Window; −1 for no limit.</summary>
    public int Window;

    /// <summary>Strides of the boolean mask [batch|1, heads|1, queries|1, keys − FreeColumns]; 0 for an axis of length one.</summary>
    public long MaskBatchStride;
    public long MaskHeadStride;
    public long MaskQueryStride;

    /// <summary>Strides of the additive bias [batch|1, heads|1, queries|1, keys − FreeColumns]; 0 for an axis of length one.</summary>
    public long BiasBatchStride;
    public long BiasHeadStride;
    public long BiasQueryStride;

    /// <summary>
    /// Strides of the ALiBi positions [batch|1, heads|1, keys − FreeColumns], 0 for an axis of length one; or of the table of biases by distance [heads, span].
    /// </summary>
    public long PositionBatchStride;
    public long PositionHeadStride;

    /// <summary>How many entries each head's table of biases by distance has; 0 without a table.</summary>
    public int DistanceSpan;

    /// <summary>Which entry is for distance zero. Near enough to the table that no sum of it and a distance overflows.</summary>
    public int DistanceOrigin;

    /// <summary>Which probabilities are dropped.</summary>
    public AttentionDropout Dropout;

    /// <summary>Whether causality and the window leave key <paramref name="key"/> visible to query <paramref name="query"/>. Free columns always are.</summary>
    public readonly bool IsInRange(in AttentionShape shape, int query, int key)
        => key < FreeColumns || ((Causal == 0 || key <= query + CausalOffset) && (Window < 0 || query + shape.Keys - shape.Queries - key <= Window));

    /// <summary>One past the last key that causality leaves visible to query <paramref name="query"/>.</summary>
    public readonly int KeyEnd(in AttentionShape shape, int query)
    {
        if (Causal == 0)
            return shape.Keys;
        int end = Math.Min(shape.Keys, query + CausalOffset + 1);
        return Math.Max(end, FreeColumns);
    }

    /// <summary>
    /// ALiBi's bias with implicit positions: −slope · |j − (i + Keys − Queries)|. Free columns are not positions, but shift both sides alike.
    /// </summary>
    public static float AlibiDistance(in AttentionShape shape, int query, int key) => -Math.Abs(key - (query + shape.Keys - shape.Queries));

    /// <summary>The entry of a table of biases for a distance, the key's position less the query's: beyond the table's ends, the last one there.</summary>
    public readonly int DistanceEntry(int distance) => Math.Min(Math.Max(distance + DistanceOrigin, 0), DistanceSpan - 1);
}
