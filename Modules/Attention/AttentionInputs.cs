using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What goes with the input into one call of an <see cref="Attention"/>, under x-transformers' names. Masks are bool, true to keep.</summary>
public sealed record AttentionInputs
{
    /// <summary>[batch, keys, dimContext]: where keys and values come from; null for self-attention.</summary>
    public Tensor? Context { get; init; }

    /// <summary>bool [batch, queries]: output is zero where false; in self-attention also the key mask, unless <see cref="ContextMask"/> is given.</summary>
    public Tensor? Mask { get; init; }

    /// <summary>bool [batch, keys]: the key mask.</summary>
    public Tensor? ContextMask { get; init; }

    /// <summary>bool [queries, keys], [heads, queries, keys] or [batch, heads, queries, keys], over memories too.</summary>
    public Tensor? AttnMask { get; init; }

    /// <summary>Real, in the same shapes: added to the scaled scores.</summary>
    public Tensor? AttnBias { get; init; }

    /// <summary>[batch, memories, dim]: put before what keys and values are projected from.</summary>
    public Tensor? Mem { get; init; }

    /// <summary>bool [batch, memories]: which of them are visible; null for all.</summary>
    public Tensor? MemMask { get; init; }

    /// <summary>Real [batch, heads, queries, keys]: another attention's scores, added to the scaled ones. Needs the scores as a matrix for this call.</summary>
    public Tensor? PrevAttn { get; init; }

    /// <summary>[batch, keys, keyValueHeads · valueDim]: another attention's values, mixed into these.</summary>
    public Tensor? ValueResidual { get; init; }

    /// <summary>What is added on the way; null for nothing.</summary>
    public AttentionDeltas? Deltas { get; init; }

    internal static AttentionInputs From(CallArguments arguments) => new()
    {
        Context = arguments.Optional("context"),
        Mask = arguments.Optional("mask"),
        ContextMask = arguments.Optional("context_mask"),
        AttnMask = arguments.Optional("attn_mask"),
        AttnBias = arguments.Optional("attn_bias"),
        Mem = arguments.Optional("mem"),
        MemMask = arguments.Optional("mem_mask"),
        PrevAttn = arguments.Optional("prev_attn"),
        ValueResidual = arguments.Optional("value_residual"),
        Deltas = AttentionDeltas.From(arguments),
    };
}
