using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// What goes with the stream into one call of a stack, under x-transformers' names; the inputs of a wrapper are these and more. All masks are bool, true to
/// keep. docs/modules.md has the table of which mask acts where.
/// </summary>
public partial record StackInputs
{
    /// <summary>[batch, contextLength, CrossAttn.DimContext]: needed by a stack with cross-attention, an error for one without.</summary>
    public Tensor? Context { get; init; }

    /// <summary>bool [batch, sequence]: hides keys from self-attention and zeroes attention's output at hidden queries.</summary>
    public Tensor? Mask { get; init; }

    /// <summary>bool [batch, contextLength]: hides keys from cross-attention.</summary>
    public Tensor? ContextMask { get; init; }

    /// <summary>bool [i, j], [heads, i, j] or [batch, heads, i, j], for self-attention; covers what a wrapper puts in front of the sequence too.</summary>
    public Tensor? AttnMask { get; init; }

    /// <summary>bool [batch, sequence]: self-attention's key mask in place of <see cref="Mask"/>.</summary>
    public Tensor? SelfAttnKvMask { get; init; }

    /// <summary>bool [i, j], [heads, i, j] or [batch, heads, i, j], for cross-attention.</summary>
    public Tensor? CrossAttnMask { get; init; }

    /// <summary>Real, shaped as <see cref="AttnMask"/>: added to self-attention's scaled scores. Excludes ALiBi.</summary>
    public Tensor? AttnBias { get; init; }

    /// <summary>
    /// Integers [sequence] or [batch, sequence]: positions in place of 0, 1, 2, …, for a wrapper's absolute positions and for ALiBi; where there is ALiBi
    /// alone, real numbers and [batch, alibiHeads, sequence] as well.
    /// </summary>
    public Tensor? Pos { get; init; }

    /// <summary>
    /// Integers [batch]: how much left padding each sequence has. It is hidden as keys, and a wrapper counts positions from the first token after it.
    /// </summary>
    public Tensor? SeqStartPos { get; init; }

    /// <summary>[batch, DimCondition] or [batch, sequence, DimCondition]: needed by adaptive norms, an error without.</summary>
    public Tensor? Condition { get; init; }

    /// <summary>
    /// For a <see cref="PrefixDecoder"/>: how many positions at the beginning everyone sees, one number for all samples or one for each, each 0 to sequence.
    /// Null or empty for none.
    /// </summary>
    public IReadOnlyList<long>? PrefixAttnLen { get; init; }

    /// <summary>
    /// Receives the stream before every layer (the first is the stack's input itself) and after the last, before the final norm: upstream's layer_hiddens. They
    /// belong to the open step or, without one, to the caller. Null where nobody asks.
    /// </summary>
    public IList<Tensor>? Hiddens { get; init; }

    /// <summary>
    /// Whether self-attention hides later positions though the options leave them open. Only the stack says so, in <see cref="AttentionLayers.Prepare"/>.
    /// </summary>
    internal bool Causal { get; init; }

    /// <summary>[batch, sequence, count · dim]: factors of the outputs of the first feedforwards that run. Only a wrapper says so; null for none.</summary>
    internal Tensor? DeepEmbeds { get; init; }

    /// <summary>Lets what <see cref="Hiddens"/> received outlive a wrapper's scope.</summary>
    internal void KeepHiddens(InferenceScope scope)
    {
        foreach (Tensor hidden in Hiddens ?? [])
            scope.Keep(hidden);
    }

    /// <summary>Those that every stack takes, by x-transformers' names; what else was given is left for the caller to read.</summary>
    internal StackInputs Read(CallArguments arguments) => this with
    {
        Context = arguments.Optional("context"),
        Mask = arguments.Optional("mask"),
        ContextMask = arguments.Optional("context_mask"),
        AttnMask = arguments.Optional("attn_mask"),
        SelfAttnKvMask = arguments.Optional("self_attn_kv_mask"),
        CrossAttnMask = arguments.Optional("cross_attn_mask"),
        AttnBias = arguments.Optional("attn_bias"),
        Pos = arguments.Optional("pos"),
        SeqStartPos = arguments.Optional("seq_start_pos"),
        Condition = arguments.Optional("condition"),
    };
}
