using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Selective: a query of the first head that scores a key above zero lowers that key's score, by as much, for every later query of every head. It lowers
/// neither its own key nor the first of the sequence.
/// </summary>
/// <remarks>Leviathan et al. 2024.</remarks>
internal static class SelectiveScores
{
    public static Tensor Of(Tensor scores, Tensor? visible)
    {
        (int batch, int queries, int keys) = (scores.Shape[0], scores.Shape[2], scores.Shape[3]);
        Tensor gate = Operators.Activate(ScoreRules.Only(visible, scores).Narrow(1, 0, 1), Activation.Relu);
        var spared = new bool[queries * keys];
        for (int i = 0; i < queries; i++)
        {
            // With fewer keys than queries, the first queries have no key of their own.
            foreach (int key in new[] { keys - queries, keys - queries + i })
            {
                if (key >= 0)
                    spared[i * keys + key] = true;
            }
        }

        gate = Operators.Where(Tensor.From(scores.Device, [queries, keys], spared), 0f, gate);
        Tensor earlier = Operators.Concatenate([Tensor.Zeros(scores.Device, [batch, 1, 1, keys]), gate.Narrow(2, 0, queries - 1)], 2);
        return scores - earlier.CumulativeSum(2);
    }
}
