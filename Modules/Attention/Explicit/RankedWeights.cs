using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Hard: the key with the highest score has the weight one, all others none; the gradient is the softmax's.</summary>
internal sealed class HardWeights : IWeights
{
    public Tensor Of(Tensor scores, Tensor? visible)
    {
        Tensor lowest = ScoreRules.Lowest(visible, scores), highest = lowest.ArgMax(-1, keepDim: true);
        Tensor one = Tensor.Zeros(scores.Device, scores.Shape).ScatterAdd(-1, highest, Tensor.From(scores.Device, [1], [1f]).Expand(highest.Shape));
        return ScoreRules.Only(visible, StraightThrough.Of(one, Operators.Softmax(lowest)));
    }
}

/// <summary>SparseTopk: a softmax over the keys with the highest scores alone; keys that score as the last of them do belong to them.</summary>
internal sealed class SparseTopkWeights(int count, bool straightThrough) : IWeights
{
    public Tensor Of(Tensor scores, Tensor? visible)
    {
        Tensor lowest = ScoreRules.Lowest(visible, scores);
        int last = Math.Min(count, scores.Shape[^1]) - 1;
        Tensor least = lowest.Detach().TopK(last + 1).Values.Narrow(-1, last, 1);
        Tensor chosen = ScoreRules.Only(visible, Operators.Softmax(ScoreRules.Lowest(lowest.Detach() >= least, lowest)));
        return straightThrough ? ScoreRules.Only(visible, StraightThrough.Of(chosen, Operators.Softmax(lowest))) : chosen;
    }
}

/// <summary>What is one thing forward and another backward.</summary>
internal static class StraightThrough
{
    /// <summary>The numbers of <paramref name="forward"/>, with the gradient of <paramref name="backward"/>.</summary>
    public static Tensor Of(Tensor forward, Tensor backward) => backward + (forward - backward.Detach()).Detach();
}
