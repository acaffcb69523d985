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
    /// Integers [sequence] or [batch, sequence]: positions in place of 0, 1, 2, …, for a wrapper's absolute positions, for ALiBi and for rotary and polar
    /// positions; where no absolute positions read them, real numbers as well, and for ALiBi alone [batch, alibiHeads, sequence].
    /// </summary>
    public Tensor? Pos { get; init; }

    /// <summary>
    /// Numbers [contextLength] or [batch, contextLength]: the context's positions on the axis of <see cref="Pos"/>. With them rotary positions rotate
    /// cross-attention too; without, it knows none.
    /// </summary>
    public Tensor? ContextPos { get; init; }

    /// <summary>
    /// Transformer-XL's memories: for each self-attention, in order, [batch, memories, dim], put before what its keys and values are projected from. All are
    /// equally long, or null for none.
    /// </summary>
    public IReadOnlyList<Tensor?>? Mems { get; init; }

    /// <summary>bool [batch, memories] for each of <see cref="Mems"/>, true to keep; null for all.</summary>
    public IReadOnlyList<Tensor?>? MemMasks { get; init; }

    /// <summary>[batch, dim] or [batch, sequence, dim]: added to every layer's input before its norm.</summary>
    public Tensor? InAttnCond { get; init; }

    /// <summary>The order in which layers run in this call, by their index; null for the stack's own.</summary>
    public IReadOnlyList<int>? LayersExecuteOrder { get; init; }

    /// <summary>Ranges of blocks that run several times in this call, in plain stacks; null for none.</summary>
    public IReadOnlyList<RepeatedBlocks>? RepeatBlocks { get; init; }

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
    /// What is kept of the positions that have passed through the stack: the call's positions follow them, attend them and are kept too. Masks, biases and
    /// starts are then of all positions, those of earlier calls first, and hide keys alone; the context and its mask are given again in each call. For causal
    /// stacks, and for inference. Null where nothing is kept.
    /// </summary>
    public KeyValueCache? Cache { get; init; }

    /// <summary>
    /// Receives the stream before every self-attention: what <see cref="Mems"/> of a next call may be. As <see cref="Hiddens"/>, they belong to the caller.
    /// </summary>
    public IList<Tensor>? AttnHiddens { get; init; }

    /// <summary>
    /// Receives scores and weights of every attention, which then has them in memory, fused or not. As <see cref="Hiddens"/>, they belong to the caller.
    /// </summary>
    public IList<AttentionScores>? Attentions { get; init; }

    /// <summary>
    /// Whether self-attention hides later positions though the options leave them open. Only the stack says so, in <see cref="AttentionLayers.Prepare"/>.
    /// </summary>
    internal bool Causal { get; init; }

    /// <summary>[batch, sequence, count · dim]: factors of the outputs of the first feedforwards that run. Only a wrapper says so; null for none.</summary>
    internal Tensor? DeepEmbeds { get; init; }

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
        ContextPos = arguments.Optional("context_pos"),
        Mems = arguments.OptionalList("mems"),
        MemMasks = arguments.OptionalList("mem_masks"),
        InAttnCond = arguments.Optional("in_attn_cond"),
        LayersExecuteOrder = arguments.OptionalJson("layers_execute_order") is { } order ? RepeatedBlocks.Integers(order, "layers_execute_order") : null,
        RepeatBlocks = arguments.OptionalJson("repeat_blocks") is { } repeat ? RepeatedBlocks.Read(repeat) : null,
    };
}
