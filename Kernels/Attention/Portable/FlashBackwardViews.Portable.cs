using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>What the passes of attention's backward read, and the arithmetic that they share.</summary>
internal struct FlashBackwardViews<TElement>
    where TElement : unmanaged, IElement<TElement>
{
    public ArrayView<TElement> Query;          // strided [batch, heads, queries, headDim]
    public ArrayView<TElement> Key;            // strided [batch, keyValueHeads, keys, headDim]
    public ArrayView<TElement> Value;          // strided [batch, keyValueHeads, keys, valueDim]
    public ArrayView<TElement> OutputGradient; // strided [batch, heads, queries, valueDim]
    public ArrayView<RowNormalizer> Normalizer; // [batch, heads, queries]
    public ArrayView<float> Delta;             // [batch, heads, queries]: Σ_d output · outputGradient
    public AttentionArrays Arrays;
    public AttentionShape Shape;
    public AttentionRules Rules;

    /// <summary>Rows from <paramref name="query"/> on, of the queries (0) or of the output gradients (1).</summary>
    public static TileRows<TElement> ByQuery(FlashBackwardViews<TElement> t, int which, int batch, int head, int query) => new()
    {
        Source = which == 0 ? t.Query : t.OutputGradient,
        Start = which == 0 ? t.Shape.QueryOffset(batch, head, query) : t.Shape.OutputOffset(batch, head, query),
        RowStride = which == 0 ? t.Shape.QueryRowStride : t.Shape.OutputRowStride,
        Rows = t.Shape.Queries - query,
        Columns = which == 0 ? t.Shape.HeadDim : t.Shape.ValueDim,
    };

    /// <summary>Rows from <paramref name="key"/> on, of the keys (0) or of the values (1), of the head that query head <paramref name="head"/> reads.</summary>
    public static TileRows<TElement> ByKey(FlashBackwardViews<TElement> t, int which, int batch, int head, int key) => new()
    {
        Source = which == 0 ? t.Key : t.Value,
        Start = which == 0 ? t.Shape.KeyOffset(batch, head, key) : t.Shape.ValueOffset(batch, head, key),
        RowStride = which == 0 ? t.Shape.KeyRowStride : t.Shape.ValueRowStride,
        Rows = t.Shape.Keys - key,
        Columns = which == 0 ? t.Shape.HeadDim : t.Shape.ValueDim,
    };

    /// <summary>dS = P (dP − delta) softclamp'(S), the gradient of scale · q·k + bias; zero where the key is hidden, whatever the products are.</summary>
    public static float ScoreGradient(AttentionRules rules, float score, float probability, float probabilityGradient, float delta)
        => score <= AttentionRow.Hidden ? 0f : probability * (probabilityGradient - delta) * BiasedScore.Derivative(rules, score);
}
