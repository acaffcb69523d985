using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>What can be wrong with them, and who reads which of them.</content>
public partial record StackInputs
{
    internal void Check(AttentionLayers stack, Tensor x)
    {
        AttentionLayersOptions options = stack.Options;
        ForwardChecks.Sequence(stack, x, options.Dim, "x");
        (int batch, int length) = (x.Shape[0], x.Shape[1]);
        CheckContext(stack, x);
        CheckCache(stack, x);
        int all = Before + length;
        ForwardChecks.Mask(stack, Mask, batch, all, "position of 'x', and of the cache before it", "mask");
        ForwardChecks.Mask(stack, SelfAttnKvMask, batch, all, "key, as many as positions of 'x', and of the cache before it", "selfAttnKvMask");
        if (SelfAttnKvMask is not null && SeqStartPos is not null)
            throw ForwardChecks.Wrong("seqStartPos", "'selfAttnKvMask' and 'seqStartPos' both say which keys self-attention sees; give one of them.");
        CheckPositions(stack, x);
        if (PrefixAttnLen is { Count: > 0 } && stack is not PrefixDecoder)
            throw ForwardChecks.Wrong(
                "prefixAttnLen", $"'prefixAttnLen' was passed, but a {stack.GetType().Name} has no prefix that everyone sees; use a {nameof(PrefixDecoder)}.");
        CheckCondition(stack, x);
        CheckMemories(stack, x);
        CheckLayers(stack, x);
    }

    /// <summary>The same for a feedforward, the <paramref name="index"/>th that runs: with its factors, if it has any.</summary>
    internal BranchInputs ForFeedForward(BranchInputs inputs, int index, int dim)
        => DeepEmbeds is null || index >= DeepEmbeds.Shape[2] / dim ? inputs : inputs with { DeepEmbed = DeepEmbeds.Narrow(2, index * dim, dim) };

    /// <summary>
    /// The same for a stack that sees a wrapper's sequence behind other rows: masks and starts as key masks over all rows, and the prefix by as many longer.
    /// </summary>
    /// <param name="device">Where masks are.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="length">Positions of the wrapper's sequence.</param>
    /// <param name="readsPositions">Whether the stack itself reads <see cref="Pos"/>.</param>
    /// <param name="leading">What stands in front, in order: how many rows, and their mask if they have one.</param>
    internal StackInputs Behind(ComputeDevice device, int batch, int length, bool readsPositions, params ReadOnlySpan<(Tensor? Mask, int Length)> leading)
    {
        int rows = 0;
        foreach ((_, int count) in leading)
            rows += count;
        Tensor? keys = SelfAttnKvMask ?? (SeqStartPos is null ? null : SequenceMasks.From(device, SeqStartPos, length));
        return this with
        {
            Mask = SequenceMasks.Join(device, batch, [.. leading, (Mask, length)]),
            SelfAttnKvMask = keys is null ? null : SequenceMasks.Join(device, batch, [.. leading, (keys, length)]),
            SeqStartPos = null,
            Pos = readsPositions ? Pos : null,
            PrefixAttnLen = PrefixAttnLen?.Select(prefix => prefix + rows).ToArray(),
        };
    }

    /// <summary>Left padding of a wrapper's sequence, which says two things at once.</summary>
    private protected void CheckStarts(int batch)
    {
        if (SeqStartPos is null)
            return;
        if (Pos is not null || SelfAttnKvMask is not null)
        {
            throw ForwardChecks.Wrong(
                "seqStartPos",
                "'seqStartPos' says which position every token has and which keys self-attention sees; 'pos' or 'selfAttnKvMask' says it again. Give one of "
                    + "them.");
        }

        SequenceMasks.CheckStarts(SeqStartPos, batch);
    }

    private void CheckContext(AttentionLayers stack, Tensor x)
    {
        AttentionLayersOptions options = stack.Options;
        if (Context is null)
        {
            if (options.CrossAttend)
                throw ForwardChecks.Wrong(
                    "context", $"'context' is missing: the model has cross-attention and needs a context [{x.Shape[0]}, contextLength, {options.ContextDim}].");
            if (ContextMask is not null || CrossAttnMask is not null)
                throw ForwardChecks.Wrong(
                    ContextMask is not null ? "contextMask" : "crossAttnMask", "'contextMask' or 'crossAttnMask' was passed, but there is no context to mask.");
            return;
        }

        if (!options.CrossAttend)
            throw ForwardChecks.Wrong(
                "context", "'context' was passed, but the model has no cross-attention and would ignore it: set CrossAttend = true, or leave the context out.");
        ForwardChecks.Context(stack, Context, x, options.ContextDim);
        ForwardChecks.Mask(stack, ContextMask, x.Shape[0], Context.Shape[1], "position of 'context'", "contextMask");
    }

    private void CheckCondition(AttentionLayers stack, Tensor x)
    {
        int width = stack.Options.ConditionDim;
        if (stack.Options.NeedsCondition)
            ForwardChecks.Condition(
                stack,
                Condition ?? throw ForwardChecks.Wrong("condition", $"'condition' is missing: the model's adaptive norms need one, [{x.Shape[0]}, {width}]."),
                x,
                width);
        else if (Condition is not null)
            throw ForwardChecks.Wrong(
                "condition", "'condition' was passed, but the model has no adaptive norm and would ignore it: set UseAdaptiveLayernorm or UseAdaptiveRmsnorm.");
    }
}
