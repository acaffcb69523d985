using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What a layer adds to the residual stream: an attention, a feedforward, or one of them with a factor on its output.</summary>
public abstract class Branch : Module
{
    private protected Branch(ParameterInitializer initializer)
        : base(initializer)
    {
    }

    /// <summary>Whether <see cref="Run"/> can add the residual in its last launch.</summary>
    internal virtual bool FusesResidual => false;

    /// <summary>The branch of <paramref name="x"/>, plus <paramref name="residual"/> where given; only where <see cref="FusesResidual"/>.</summary>
    internal abstract Tensor Run(Tensor x, BranchInputs inputs, Tensor? residual);
}

/// <summary>What the layers of one kind are given in one call, besides the stream: already checked and brought to the shapes that attention takes.</summary>
internal sealed record BranchInputs
{
    public static readonly BranchInputs None = new();

    /// <summary>[batch, keys, dimContext]: where keys and values come from; null for the stream itself.</summary>
    public Tensor? Source { get; init; }

    /// <summary>bool [batch, queries]: attention's output is zero where false.</summary>
    public Tensor? QueryMask { get; init; }

    /// <summary>
    /// How scores are made, as far as the call decides it: masks, bias, positions. The attention adds what its options decide. Null for a layer that is no
    /// attention.
    /// </summary>
    public ScoreOptions? Scores { get; init; }

    /// <summary>[batch, sequence, dim]: what a feedforward's output is multiplied by; null for nothing.</summary>
    public Tensor? DeepEmbed { get; init; }

    /// <summary>[batch, dimCondition] or [batch, sequence, dimCondition]</summary>
    public Tensor? Condition { get; init; }

    /// <summary>Causality in place of the attention's own; null for that.</summary>
    public bool? Causal { get; init; }

    /// <summary>How queries and keys are rotated by their positions; null where they are not.</summary>
    public RotationTables? Rotation { get; init; }

    /// <summary>The angles of polar positions; null where there are none.</summary>
    public PolarAngles? Polar { get; init; }

    /// <summary>[batch, 1 or sequence, dim]: added to the layer's input before its norm; null for nothing.</summary>
    public Tensor? Injected { get; init; }

    /// <summary>What keys and values are projected from, where that is not the source; null otherwise.</summary>
    public LayerViews? Views { get; init; }

    /// <summary>[batch, memories, dim]: put before the source of keys and values; null for none.</summary>
    public Tensor? Memory { get; init; }

    /// <summary>[batch, keys, keyValueHeads · valueDim]: the values of the first layer of the same kind, to be mixed in; null for none.</summary>
    public Tensor? ValueResidual { get; init; }

    /// <summary>float32 [batch, heads, queries, keys]: the scores of the attention before, added to this one's; null for none.</summary>
    public Tensor? PreviousScores { get; init; }

    /// <summary>What is added on the way; null for nothing.</summary>
    public AttentionDeltas? Deltas { get; init; }

    /// <summary>What the layer has kept of earlier positions; null where nothing is kept.</summary>
    public LayerCache? Cache { get; init; }

    /// <summary>Takes what later layers or the caller want to see of an attention; null where nobody asks.</summary>
    public AttentionTrace? Trace { get; init; }
}
