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

    /// <summary>Queries from <paramref name="query"/> on.</summary>
    public static TileRows<TElement> QueryRows(FlashBackwardViews<TElement> t, int batch, int head, int query) => new()
    {
        Source = t.Query,
        Start = t.Shape.QueryOffset(batch, head, query),
        RowStride = t.Shape.QueryRowStride,
        Rows = t.Shape.Queries - query,
        Columns = t.Shape.HeadDim,
    };

    /// <summary>Keys from <paramref name="key"/> on, of the head that query head <paramref name="head"/> reads.</summary>
    public static TileRows<TElement> KeyRows(FlashBackwardViews<TElement> t, int batch, int head, int key) => new()
    {
        Source = t.Key,
        Start = t.Shape.KeyOffset(batch, head, key),
        RowStride = t.Shape.KeyRowStride,
        Rows = t.Shape.Keys - key,
        Columns = t.Shape.HeadDim,
    };

    /// <summary>Values from <paramref name="key"/> on, of the head that query head <paramref name="head"/> reads.</summary>
    public static TileRows<TElement> ValueRows(FlashBackwardViews<TElement> t, int batch, int head, int key) => new()
    {
        Source = t.Value,
        Start = t.Shape.ValueOffset(batch, head, key),
        RowStride = t.Shape.ValueRowStride,
        Rows = t.Shape.Keys - key,
        Columns = t.Shape.ValueDim,
    };

    /// <summary>Output gradients from <paramref name="query"/> on.</summary>
    public static TileRows<TElement> OutputGradientRows(FlashBackwardViews<TElement> t, int batch, int head, int query) => new()
    {
        Source = t.OutputGradient,
        Start = t.Shape.OutputOffset(batch, head, query),
        RowStride = t.Shape.OutputRowStride,
        Rows = t.Shape.Queries - query,
        Columns = t.Shape.ValueDim,
    };

    /// <summary>dS = P (dP − delta) softclamp'(S), the gradient of scale · q·k + bias; zero where the key is hidden, at whose score the clamp has no slope.</summary>
    public static float ScoreGradient<TScore>(AttentionRules rules, float score, float probability, float probabilityGradient, float delta)
        where TScore : struct, IAttentionScore
        => score <= AttentionRow.Hidden ? 0f : probability * (probabilityGradient - delta) * TScore.Derivative(rules, score);
}
