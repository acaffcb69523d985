namespace GpuTransformer.Modules;

/// <summary>An <see cref="AttentionPool"/>. Names and defaults are x-transformers'.</summary>
public sealed record AttentionPoolOptions
{
    /// <summary>The width of the pooled tokens.</summary>
    [Takes(OptionRange.Positive)]
    public required int Dim { get; init; }

    /// <summary>How many learned queries there are, and so pooled tokens; 0 for none: queries are then passed in each call.</summary>
    [Takes(OptionRange.Count)]
    public int NumPooledTokens { get; init; } = 1;

    /// <summary>The width of what is pooled; null for <see cref="Dim"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimContext { get; init; }

    /// <summary>The queries are added to what one attention gives; a stack adds them by itself.</summary>
    public bool AddResidual { get; init; }

    /// <summary>How many layers of cross-attention and feedforward pool; 1 for one attention alone, unless <see cref="UseTransformerBlocks"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int Depth { get; init; } = 1;

    /// <summary>Attention heads.</summary>
    [Takes(OptionRange.Positive)]
    public int Heads { get; init; } = 8;

    /// <summary>The width of a head.</summary>
    [Takes(OptionRange.Positive)]
    public int DimHead { get; init; } = 64;

    /// <summary>Whether a stack pools and not one attention alone; null for where <see cref="Depth"/> is more than 1.</summary>
    public bool? UseTransformerBlocks { get; init; }

    /// <summary>With one query: the output has no axis of tokens.</summary>
    public bool? SqueezeOutput { get; init; }

    /// <summary>
    /// More options of the attention; its widths and heads are those above and left out here. A stack's attentions have them too, which in x-transformers have
    /// not.
    /// </summary>
    public AttentionOptions? AttnKwargs { get; init; }

    internal bool HasBlocks => UseTransformerBlocks ?? Depth > 1;

    /// <summary>The one attention.</summary>
    internal AttentionOptions Attention()
        => (AttnKwargs ?? new AttentionOptions()) with { Dim = Dim, DimContext = DimContext, Heads = Heads, DimHead = DimHead };

    /// <summary>The stack.</summary>
    internal AttentionLayersOptions Blocks()
    {
        AttentionOptions attention = (AttnKwargs ?? new AttentionOptions()) with { DimHead = DimHead };
        return new AttentionLayersOptions
        {
            Dim = Dim, Depth = Depth, Heads = Heads, Attn = attention, CrossAttn = attention with { DimContext = DimContext },
        };
    }

    internal void Validate()
    {
        OptionChecks.Ranges(this);
        if (SqueezeOutput == true && NumPooledTokens > 1)
            throw new ArgumentException(
                $"SqueezeOutput drops an axis of length 1, but there are NumPooledTokens = {NumPooledTokens}.", nameof(SqueezeOutput));
        if (!HasBlocks && Depth > 1)
            throw new ArgumentException($"UseTransformerBlocks = false is one attention alone, but Depth = {Depth}; set Depth = 1.", nameof(Depth));
        if (HasBlocks && AddResidual)
            throw new ArgumentException(
                "AddResidual adds the queries to one attention's output, but the layers of a stack add them already; switch it or UseTransformerBlocks off.",
                nameof(AddResidual));
        if (AttnKwargs is not { } more)
            return;
        OptionChecks.LeftTo(nameof(Dim), Dim, more.Dim, $"{nameof(AttnKwargs)}.{nameof(more.Dim)}");
        OptionChecks.LeftTo(nameof(Heads), Heads, more.Heads, $"{nameof(AttnKwargs)}.{nameof(more.Heads)}");
        OptionChecks.LeftTo(nameof(DimContext), DimContext ?? Dim, more.DimContext, $"{nameof(AttnKwargs)}.{nameof(more.DimContext)}");
        if (more.DimHead != new AttentionOptions().DimHead)
            OptionChecks.LeftTo(nameof(DimHead), DimHead, more.DimHead, $"{nameof(AttnKwargs)}.{nameof(more.DimHead)}");
    }
}
