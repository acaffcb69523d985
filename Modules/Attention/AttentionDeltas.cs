using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What a caller adds on the way through one <see cref="Attention"/>, under x-transformers' names; null for nothing.</summary>
/// <remarks>"Modulation" of an attention from outside.</remarks>
public sealed record AttentionDeltas
{
    /// <summary><c>q_delta</c> [batch, queries, heads · dimHead]: added to the projected queries.</summary>
    public Tensor? Query { get; init; }

    /// <summary><c>k_delta</c> [batch, keys, keyValueHeads · dimHead]: added to the projected keys.</summary>
    public Tensor? Key { get; init; }

    /// <summary><c>v_delta</c> [batch, keys, keyValueHeads · valueDim]: added to the projected values.</summary>
    public Tensor? Value { get; init; }

    /// <summary><c>o_delta</c> [batch, queries, heads · valueDim]: added to the merged heads, before gates and output projection.</summary>
    public Tensor? Output { get; init; }

    /// <summary>
    /// <c>attn_delta</c> [batch, heads, queries, keys]: added to the weights, also to those of hidden keys; a query that sees no key stays zero. Needs the
    /// scores as a matrix for this call.
    /// </summary>
    public Tensor? Weights { get; init; }

    internal static AttentionDeltas? From(CallArguments arguments)
    {
        var deltas = new AttentionDeltas
        {
            Query = arguments.Optional("q_delta"),
            Key = arguments.Optional("k_delta"),
            Value = arguments.Optional("v_delta"),
            Output = arguments.Optional("o_delta"),
            Weights = arguments.Optional("attn_delta"),
        };
        return deltas == new AttentionDeltas() ? null : deltas;
    }
}
