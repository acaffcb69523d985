using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <content>What each kind of layer is given of them.</content>
public partial record StackInputs
{
    /// <summary>How many memories stand before the sequence.</summary>
    internal int MemoryLength => Cache is { Length: > 0 } cache ? cache.Memories : Mems?.FirstOrDefault(static m => m is not null)?.Shape[1] ?? 0;

    /// <summary>Lets what the caller asked to see outlive a scope.</summary>
    internal void KeepAsked(InferenceScope scope)
    {
        foreach (Tensor hidden in (Hiddens ?? []).Concat(AttnHiddens ?? []))
            scope.Keep(hidden);
        foreach (AttentionScores attention in Attentions ?? [])
        {
            scope.Keep(attention.Scores);
            scope.Keep(attention.Weights);
        }
    }

    /// <summary>How many positions a cache holds already.</summary>
    internal int Before => Cache?.Length ?? 0;

    /// <summary>What the layers of each kind are given.</summary>
    /// <param name="stack">The stack.</param>
    /// <param name="x">[batch, sequence, dim]</param>
    /// <param name="positions">Its positions.</param>
    /// <param name="condition">The condition, as norms read it.</param>
    /// <param name="injected">What is added to every layer's input.</param>
    internal (BranchInputs Self, BranchInputs Cross) ForLayers(
        AttentionLayers stack, Tensor x, StackPositions positions, Tensor? condition, Tensor? injected)
    {
        var all = new BranchInputs { QueryMask = Cache is null ? Mask : null, Condition = condition, Injected = injected };
        return (positions.ForSelfAttention(this, x, all with { Scores = SelfScores(stack, x) }),
            positions.ForCrossAttention(this, x, all with { Source = Context, Scores = CrossScores(stack, x) }));
    }

    /// <summary>The order in which layers run.</summary>
    internal IReadOnlyList<int> Order(LayerPlan plan, AttentionLayersOptions options)
        => RepeatBlocks is { Count: > 0 } ranges ? RepeatedBlocks.Order(ranges, options.Depth!.Value, plan.Layers.Count / options.Depth.Value)
            : LayersExecuteOrder ?? plan.Order;

    private ScoreOptions SelfScores(AttentionLayers stack, Tensor x)
    {
        Shape pairs = [x.Shape[0], stack.Options.Heads, x.Shape[1], MemoryLength + Before + x.Shape[1]];
        return new ScoreOptions
        {
            Heads = stack.Options.Heads,
            Causal = Causal ? CausalAlignment.BottomRight : CausalAlignment.None,
            KeyMask = SelfAttnKvMask ?? StartMask(x) ?? Mask,
            Mask = ForwardChecks.Pairs(stack, AttnMask, pairs, "attnMask"),
            Bias = ForwardChecks.Bias(stack, AttnBias, pairs, "attnBias"),
        };
    }

    // The context as it is, its own masks, no position bias.
    private ScoreOptions CrossScores(AttentionLayers stack, Tensor x) => new()
    {
        Heads = stack.Options.Heads,
        KeyMask = ContextMask,
        Mask = Context is null
            ? null
            : ForwardChecks.Pairs(stack, CrossAttnMask, [x.Shape[0], stack.Options.Heads, x.Shape[1], Context.Shape[1]], "crossAttnMask"),
    };

    /// <summary>Left padding as a key mask: key j of sample b is visible from seqStartPos[b] on.</summary>
    private Tensor? StartMask(Tensor x)
    {
        if (SeqStartPos is null)
            return null;
        SequenceMasks.CheckStarts(SeqStartPos, x.Shape[0]);
        return SequenceMasks.From(x.Device, SeqStartPos, Before + x.Shape[1]);
    }
}
