using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Hides some tokens from the others at random, anew in each training step: a share of every sequence, rounded down, and never its first token.
/// </summary>
/// <remarks>Liu et al. 2022, "FCM: Forgetful Causal Masking".</remarks>
internal static class RandomKeyMask
{
    /// <summary>The inputs with the mask of what self-attention sees; what was hidden before stays so.</summary>
    /// <param name="inputs">The tokens and everything that goes with them.</param>
    /// <param name="share">Of the tokens to hide.</param>
    /// <param name="random">What is drawn from.</param>
    public static TokenInputs In(TokenInputs inputs, float share, RandomStreams random)
    {
        (int batch, int length) = (inputs.Batch, inputs.Length);
        bool[] visible = (inputs.SelfAttnKvMask ?? inputs.Mask)?.ToBoolArray() ?? [.. Enumerable.Repeat(true, batch * length)];
        int count = Math.Min((int)(length * share), length - 1);
        var places = new int[length];
        for (int b = 0; b < batch; b++)
        {
            for (int i = 0; i < length; i++)
                places[i] = i;

            // The beginning of a shuffle of all places but the first.
            for (int i = 1; i <= count; i++)
            {
                int other = Math.Min(length - 1, i + (int)(random.NextUniform() * (length - i)));
                (places[i], places[other]) = (places[other], places[i]);
                visible[b * length + places[i]] = false;
            }
        }

        return inputs with { SelfAttnKvMask = Tensor.From(inputs.Ids.Device, [batch, length], visible) };
    }
}
