namespace GpuTransformer.Modules;

/// <summary>What a model must be whose logits are of the next token.</summary>
internal static class NextTokenNet
{
    /// <exception cref="ArgumentException">The stack sees later tokens, or the model has no logits for each token.</exception>
    public static void Check(TransformerWrapper net)
    {
        TransformerWrapperOptions inner = net.Options;
        if (inner.ReturnOnlyEmbed || inner.AveragePoolEmbed || inner.UseClsToken || inner.SqueezeOutLastDim)
            throw new ArgumentException(
                "A next-token loss needs logits for every token: switch ReturnOnlyEmbed, AveragePoolEmbed, UseClsToken and SqueezeOutLastDim off.",
                nameof(net));
        if (inner.NumOutputHeads > 1)
            throw new ArgumentException($"A next-token loss is of one head of logits, but NumOutputHeads = {inner.NumOutputHeads}.", nameof(net));
        if (inner.AttnPool && !net.AttnLayers.Options.Causal)
            throw new ArgumentException("A next-token loss needs logits for every token, but AttnPool gives pooled tokens around this stack.", nameof(net));
        if (net.AttnLayers.SeesTheFuture)
        {
            throw new ArgumentException(
                $"'net' is around an {nameof(AttentionLayers)} of class {net.AttnLayers.GetType().Name} whose self-attention sees later tokens (Causal = "
                + "false), so every token would see its own target. "
                + $"Use a {nameof(Decoder)}, a {nameof(PrefixDecoder)}, or Causal = true.", nameof(net));
        }
    }
}
