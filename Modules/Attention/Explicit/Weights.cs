using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What turns scores into the weights of the values. What is not visible has the weight zero, whatever its score.</summary>
internal interface IWeights
{
    /// <param name="scores">float32 [batch, heads, queries, keys]</param>
    /// <param name="visible">bool, broadcast to the scores; null for all.</param>
    Tensor Of(Tensor scores, Tensor? visible);
}

/// <summary>The softmax over the keys.</summary>
internal sealed class SoftmaxWeights : IWeights
{
    public Tensor Of(Tensor scores, Tensor? visible) => ScoreRules.Only(visible, Operators.Softmax(ScoreRules.Lowest(visible, scores)));
}

/// <summary>Sigmoid: 1 / (1 + exp(−score)), each for itself.</summary>
internal sealed class SigmoidWeights : IWeights
{
    public Tensor Of(Tensor scores, Tensor? visible) => ScoreRules.Only(visible, Operators.Sigmoid(scores));
}

/// <summary>CogSigned: the softmax of the scores' magnitudes, with the scores' signs, so that a weight may be negative.</summary>
internal sealed class CogSignedWeights : IWeights
{
    public Tensor Of(Tensor scores, Tensor? visible)
        => ScoreRules.Only(visible, Operators.Softmax(ScoreRules.Lowest(visible, Operators.Abs(scores))) * Operators.Sign(scores));
}

/// <summary>
/// InvertedAttention: keys choose among queries (a softmax over the queries), and what each query was given is divided by its sum over the keys, as slot
/// attention does.
/// </summary>
internal sealed class InvertedWeights : IWeights
{
    // What a sum of nothing counts as.
    private const float Smallest = 1e-12f;

    public Tensor Of(Tensor scores, Tensor? visible)
    {
        Tensor chosen = ScoreRules.Only(visible, Operators.Softmax(ScoreRules.Lowest(visible, scores).Transpose(-1, -2)).Transpose(-1, -2));
        return chosen / Operators.Maximum(chosen.Sum(-1, keepDim: true), Smallest);
    }
}
