using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The arguments of one call of a <see cref="ContinuousTransformerWrapper"/>, under x-transformers' names. All masks are bool, true to keep.</summary>
/// <param name="X">[batch, sequence, DimIn]</param>
public sealed record SequenceInputs(Tensor X)
{
    /// <summary>bool [batch, sequence]: hides keys from self-attention and zeroes attention's output at hidden queries.</summary>
    public Tensor? Mask { get; init; }

    /// <summary>Integers [batch]: how long each right-padded sequence is; in place of <see cref="Mask"/>.</summary>
    public Tensor? Lens { get; init; }

    /// <summary>[batch, contextLength, CrossAttn.DimContext], for a stack with cross-attention.</summary>
    public Tensor? Context { get; init; }

    /// <summary>bool [batch, contextLength]: hides keys from cross-attention.</summary>
    public Tensor? ContextMask { get; init; }

    /// <summary>bool pairs of query and key, for self-attention; covers what is put in front of the sequence too.</summary>
    public Tensor? AttnMask { get; init; }

    /// <summary>Integers [sequence] or [batch, sequence]: positions in place of 0, 1, 2, …, for the absolute positions and for ALiBi.</summary>
    public Tensor? Pos { get; init; }

    /// <summary>[batch, DimCondition] or [batch, sequence, DimCondition], for adaptive norms.</summary>
    public Tensor? Condition { get; init; }

    /// <summary>[batch, sequence, dim]: added to the projected input.</summary>
    public Tensor? SumEmbeds { get; init; }

    /// <summary>[batch, prefix, dim]: put in front of the projected input, without positions. The output has rows for them too.</summary>
    public Tensor? PrependEmbeds { get; init; }

    /// <summary>bool [batch, prefix]: the mask of <see cref="PrependEmbeds"/>.</summary>
    public Tensor? PrependMask { get; init; }

    internal int Batch => X.Shape[0];

    internal int Length => X.Shape[1];

    internal int Prefix => PrependEmbeds?.Shape[1] ?? 0;

    internal static SequenceInputs From(CallArguments arguments) => new(arguments.Required("x"))
    {
        Mask = arguments.Optional("mask"),
        Lens = arguments.Optional("lens"),
        Context = arguments.Optional("context"),
        ContextMask = arguments.Optional("context_mask"),
        AttnMask = arguments.Optional("attn_mask"),
        Pos = arguments.Optional("pos"),
        Condition = arguments.Optional("condition"),
        SumEmbeds = arguments.Optional("sum_embeds"),
        PrependEmbeds = arguments.Optional("prepend_embeds"),
        PrependMask = arguments.Optional("prepend_mask"),
    };

    internal void Check(ContinuousTransformerWrapper model)
    {
        int dim = model.AttnLayers.Options.Dim, memory = model.Options.MemoryTokens;
        ForwardChecks.Sequence(model, X, model.Options.DimIn ?? dim, "x");
        ForwardChecks.Mask(model, Mask, Batch, Length, "position of 'x'", "mask");
        if (Lens is not null)
            SequenceMasks.CheckLens(model, Lens, Batch, "lens");
        if (Lens is not null && Mask is not null)
            throw ForwardChecks.Wrong("lens", "'lens' and 'mask' both say what is padding; give one of them.");
        if (model.Positions?.Count is { } count && Length > count)
            throw ForwardChecks.Wrong("x", $"'x' has shape {X.Shape}: {Length} positions, but the model has MaxSeqLen = {count}.");
        ForwardChecks.MoreEmbeddings(model, (X, "x"), dim, SumEmbeds, PrependEmbeds, PrependMask);
        if (PrependEmbeds is not null && memory > 0)
            throw ForwardChecks.Wrong("prependEmbeds", "'prependEmbeds' would stand in front of the memory tokens, which are no part of the output; use one or the other.");
        if (Pos is not null && model.Positions is null && !model.AttnLayers.Options.AlibiPosBias)
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but the model has neither absolute positions nor ALiBi that would read it.");
        if (Pos is not null && model.AttnLayers.Options.AlibiPosBias && memory + Prefix > 0)
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but memory tokens or 'prependEmbeds' stand in front of the sequence, and ALiBi would need positions for them too.");
    }
}
