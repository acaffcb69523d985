using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What one attention lets others see: its values, and its scores where they are asked for.</summary>
internal sealed class AttentionTrace(bool wantsScores)
{
    /// <summary>Whether the scores must be in memory.</summary>
    public bool WantsScores => wantsScores;

    /// <summary>[batch, keys, keyValueHeads · valueDim]: the values as they were projected.</summary>
    public Tensor? Values { get; private set; }

    /// <summary>float32 [batch, heads, queries, keys]: the scores as the softmax gets them, with bias and masks.</summary>
    public Tensor? Scores { get; private set; }

    /// <summary>float32 [batch, heads, queries, keys]: what the values were weighted with.</summary>
    public Tensor? Weights { get; private set; }

    public void Add(Tensor values) => Values = values;

    public void Add(Tensor scores, Tensor weights) => (Scores, Weights) = (scores, weights);
}
