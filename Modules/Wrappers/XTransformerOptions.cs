namespace GpuTransformer.Modules;

/// <summary>
/// An <see cref="XTransformer"/>. x-transformers spells these options flat, with the prefixes enc_ and dec_, and has one width for both sides; here the sides
/// may differ.
/// </summary>
public sealed record XTransformerOptions
{
    /// <summary>The source's embedding. It has no logits: ReturnOnlyEmbed is implied.</summary>
    public required TransformerWrapperOptions Encoder { get; init; }

    /// <summary>The encoder's stack.</summary>
    public required AttentionLayersOptions EncoderLayers { get; init; }

    /// <summary>The target's embedding and logits.</summary>
    public required TransformerWrapperOptions Decoder { get; init; }

    /// <summary>The decoder's stack. CrossAttend is implied, and the width of its context is the encoder's width.</summary>
    public required AttentionLayersOptions DecoderLayers { get; init; }

    /// <summary>Source and target share one token table.</summary>
    public bool TieTokenEmb { get; init; }

    /// <summary>Target tokens with this number are no targets.</summary>
    public int IgnoreIndex { get; init; } = -100;

    /// <summary>What the decoder reads where a token is <see cref="IgnoreIndex"/>.</summary>
    public int PadValue { get; init => field = OptionChecks.Count(value); }

    /// <summary>In training this share of the source's tokens, drawn anew in each step, is hidden from the decoder's cross-attention: in [0, 1).</summary>
    [Takes(OptionRange.Probability)]
    public float CrossAttnTokensDropout { get; init; }

    internal void Validate()
    {
        OptionChecks.Ranges(this);
        if (DecoderLayers.CrossAttn?.DimContext is { } width && width != EncoderLayers.Dim)
            throw new ArgumentException(
                $"DecoderLayers.CrossAttn.DimContext = {width}, but the encoder's tokens are Dim = {EncoderLayers.Dim} wide; leave it out.",
                nameof(DecoderLayers));
        int source = Encoder.EmbDim ?? EncoderLayers.Dim, target = Decoder.EmbDim ?? DecoderLayers.Dim;
        if (TieTokenEmb && (Encoder.NumTokens != Decoder.NumTokens || source != target))
        {
            throw new ArgumentException(
                $"TieTokenEmb shares one table, but the encoder's is [{Encoder.NumTokens}, {source}] and the decoder's [{Decoder.NumTokens}, {target}].",
                nameof(TieTokenEmb));
        }
    }
}
