using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The arguments of one call of a stack, under x-transformers' names: who reads which of them, and what can be wrong with them.</summary>
internal sealed record StackInputs(Tensor X)
{
    public Tensor? Context { get; init; }

    public Tensor? Mask { get; init; }

    public Tensor? ContextMask { get; init; }

    public Tensor? AttnMask { get; init; }

    public Tensor? SelfAttnKvMask { get; init; }

    public Tensor? CrossAttnMask { get; init; }

    public Tensor? AttnBias { get; init; }

    public Tensor? Pos { get; init; }

    public Tensor? SeqStartPos { get; init; }

    public Tensor? Condition { get; init; }

    /// <summary>How many positions at the beginning everyone sees: one number for all samples or one for each, empty for none; null where nobody said.</summary>
    public IReadOnlyList<long>? PrefixAttnLen { get; init; }

    /// <summary>Whether self-attention hides later positions though the options leave them open. Only the stack says so, in <see cref="AttentionLayers.Prepare"/>.</summary>
    public bool Causal { get; init; }

    /// <summary>Receives the stream before every layer and after the last; null where nobody asked.</summary>
    public IList<Tensor>? Hiddens { get; init; }

    private int Batch => X.Shape[0];

    private int Length => X.Shape[1];

    public static StackInputs From(CallArguments arguments) => new(arguments.Required("x"))
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

    public void Check(AttentionLayers stack)
    {
        AttentionLayersOptions options = stack.Options;
        ForwardChecks.Sequence(stack, X, options.Dim, "x");
        CheckContext(stack);
        ForwardChecks.Mask(stack, Mask, Batch, Length, "position of 'x'", "mask");
        ForwardChecks.Mask(stack, SelfAttnKvMask, Batch, Length, "key, as many as positions of 'x'", "selfAttnKvMask");
        if (SelfAttnKvMask is not null && SeqStartPos is not null)
            throw ForwardChecks.Wrong("seqStartPos", "'selfAttnKvMask' and 'seqStartPos' both say which keys self-attention sees; give one of them.");
        if (AttnBias is not null && options.AlibiPosBias)
            throw ForwardChecks.Wrong("attnBias", "'attnBias' is a second position bias beside AlibiPosBias; give one of them.");
        if (Pos is not null && !options.AlibiPosBias)
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but the model has no position bias that would read it: set AlibiPosBias = true.");
        CheckCondition(stack);
    }

    /// <summary>Self-attention: key mask, pairs, position bias; and the query mask that zeroes its output.</summary>
    public BranchInputs ForSelfAttention(AttentionLayers stack, AlibiBias? alibi, Tensor? condition)
    {
        Shape pairs = [Batch, stack.Options.Heads, Length, Length];
        return new BranchInputs
        {
            KeyMask = SelfAttnKvMask ?? StartMask() ?? Mask,
            QueryMask = Mask,
            Causal = Causal,
            Mask = ForwardChecks.Pairs(stack, AttnMask, pairs, "attnMask"),
            Bias = ForwardChecks.Bias(stack, AttnBias, pairs, "attnBias"),
            AlibiSlopes = alibi?.Slopes,
            AlibiPositions = alibi?.Positions(Pos, X),
            Condition = condition,
        };
    }

    /// <summary>Cross-attention: the context as it is, its own masks, no position bias.</summary>
    public BranchInputs ForCrossAttention(AttentionLayers stack, Tensor? condition) => new()
    {
        Source = Context,
        KeyMask = ContextMask,
        QueryMask = Mask,
        Mask = Context is null ? null : ForwardChecks.Pairs(stack, CrossAttnMask, [Batch, stack.Options.Heads, Length, Context.Shape[1]], "crossAttnMask"),
        Condition = condition,
    };

    private void CheckContext(AttentionLayers stack)
    {
        AttentionLayersOptions options = stack.Options;
        if (Context is null)
        {
            if (options.CrossAttend)
                throw ForwardChecks.Wrong("context", $"'context' is missing: the model has cross-attention and needs a context [{Batch}, contextLength, {options.ContextDim}].");
            if (ContextMask is not null || CrossAttnMask is not null)
                throw ForwardChecks.Wrong(ContextMask is not null ? "contextMask" : "crossAttnMask", "'contextMask' or 'crossAttnMask' was passed, but there is no context to mask.");
            return;
        }

        if (!options.CrossAttend)
            throw ForwardChecks.Wrong("context", "'context' was passed, but the model has no cross-attention and would ignore it: set CrossAttend = true, or leave the context out.");
        ForwardChecks.Context(stack, Context, X, options.ContextDim);
        ForwardChecks.Mask(stack, ContextMask, Batch, Context.Shape[1], "position of 'context'", "contextMask");
    }

    private void CheckCondition(AttentionLayers stack)
    {
        if (stack.Options.NeedsCondition)
        {
            ForwardChecks.Condition(
                stack, Condition ?? throw ForwardChecks.Wrong("condition", $"'condition' is missing: the model's adaptive norms need one, [{Batch}, {stack.Options.ConditionDim}]."), X, stack.Options.ConditionDim);
        }
        else if (Condition is not null)
        {
            throw ForwardChecks.Wrong("condition", "'condition' was passed, but the model has no adaptive norm and would ignore it: set UseAdaptiveLayernorm or UseAdaptiveRmsnorm.");
        }
    }

    /// <summary>Left padding as a key mask: key j of sample b is visible from seqStartPos[b] on.</summary>
    private Tensor? StartMask()
    {
        if (SeqStartPos is null)
            return null;
        SequenceMasks.CheckStarts(SeqStartPos, Batch);
        return SequenceMasks.From(X.Device, SeqStartPos, Length);
    }
}
