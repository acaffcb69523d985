using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>What a call gives beside logits: memories for the next segment, and the z-loss of its attentions.</content>
public sealed partial class TransformerWrapper
{
    /// <summary>The logits, and what the next segment of the same sequences is given as Mems: each self-attention's last MaxMemLen inputs.</summary>
    /// <param name="inputs">The tokens and everything that goes with them; their Mems are continued.</param>
    /// <returns>The logits, and for each self-attention, in order, [batch, up to MaxMemLen, dim], through which no gradient flows.</returns>
    /// <exception cref="ArgumentException">As for <see cref="Forward(TokenInputs)"/>; or MaxMemLen is 0.</exception>
    public (Tensor Logits, IReadOnlyList<Tensor> Mems) ForwardWithMems(TokenInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (Options.MaxMemLen == 0)
            throw new ArgumentException("MaxMemLen = 0: this model remembers nothing. Set it to how many positions shall be remembered.", nameof(inputs));
        using InferenceScope scope = InferenceScope.Begin(Device);
        var hiddens = new List<Tensor>();
        Tensor logits = Forward(inputs with { AttnHiddens = hiddens });
        var mems = new List<Tensor>();
        for (int layer = 0; layer < hiddens.Count; layer++)
        {
            Tensor hidden = hiddens[layer].Detach();
            if (Shifted(inputs.Mems) is { } before && layer < before.Count && before[layer] is { } memory)
                hidden = Operators.Concatenate([memory.Detach().Like(hidden), hidden], 1);
            int length = hidden.Shape[1], kept = Math.Min(length, Options.MaxMemLen);
            mems.Add(scope.Keep(hidden.Narrow(1, length - kept, kept)));
        }

        return (scope.Keep(logits), mems);
    }

    /// <summary>The logits, and AttnZLossWeight times the z-loss of all attentions, over the visible tokens.</summary>
    /// <exception cref="ArgumentException">As for <see cref="Forward(TokenInputs)"/>.</exception>
    public (Tensor Logits, Tensor ZLoss) ForwardWithZLoss(TokenInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        using InferenceScope scope = InferenceScope.Begin(Device);
        var attentions = new List<AttentionScores>();
        Tensor logits = Forward(inputs with { Attentions = attentions });
        Tensor? mask = inputs.Mask is null || attentions.Count == 0
            ? null
            : SequenceMasks.Join(Device, inputs.Batch, (null, attentions[0].Scores.Shape[2] - inputs.Length), (inputs.Mask, inputs.Length));
        Tensor loss = AttentionScores.ZLoss(attentions, mask, Options.AttnZLossWeight);
        return (scope.Keep(logits), scope.Keep(loss));
    }

    // The first memories become the last.
    private IReadOnlyList<Tensor?>? Shifted(IReadOnlyList<Tensor?>? mems)
        => mems is null || Options.ShiftMemDown == 0 ? mems : [.. mems.Skip(Options.ShiftMemDown), .. mems.Take(Options.ShiftMemDown)];
}
