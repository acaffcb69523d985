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
}
