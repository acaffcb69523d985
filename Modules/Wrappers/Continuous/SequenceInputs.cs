using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The arguments of one call of a <see cref="ContinuousTransformerWrapper"/>: those of its stack and more, under x-transformers' names.</summary>
/// <param name="X">[batch, sequence, DimIn]</param>
public sealed record SequenceInputs(Tensor X) : StackInputs
{
    /// <summary>Integers [batch]: how long each right-padded sequence is; in place of <see cref="StackInputs.Mask"/>.</summary>
    public Tensor? Lens { get; init; }

    /// <summary>[batch, sequence, dim]: added to the projected input.</summary>
    public Tensor? SumEmbeds { get; init; }

    /// <summary>[batch, prefix, dim]: put in front of the projected input, without positions. The output has rows for them too.</summary>
    public Tensor? PrependEmbeds { get; init; }

    /// <summary>bool [batch, prefix]: the mask of <see cref="PrependEmbeds"/>.</summary>
    public Tensor? PrependMask { get; init; }

    internal int Batch => X.Shape[0];

    internal int Length => X.Shape[1];

    internal int Prefix => PrependEmbeds?.Shape[1] ?? 0;

    internal static SequenceInputs From(CallArguments arguments) => (SequenceInputs)new SequenceInputs(arguments.Required("x"))
    {
        Lens = arguments.Optional("lens"),
        SumEmbeds = arguments.Optional("sum_embeds"),
        PrependEmbeds = arguments.Optional("prepend_embeds"),
        PrependMask = arguments.Optional("prepend_mask"),
    }.Read(arguments);

    internal void Check(ContinuousTransformerWrapper model)
    {
        int dim = model.AttnLayers.Options.Dim, memory = model.Options.MemoryTokens;
        ForwardChecks.Sequence(model, X, model.Options.DimIn ?? dim, "x");
        if (Cache is not null)
            throw ForwardChecks.Wrong(
                "cache", "'cache' was passed, but a ContinuousTransformerWrapper counts positions anew in each call; give it to the stack.");
        ForwardChecks.Mask(model, Mask, Batch, Length, "position of 'x'", "mask");
        if (Lens is not null)
            SequenceMasks.CheckLens(model, Lens, Batch, "lens");
        if (Lens is not null && Mask is not null)
            throw ForwardChecks.Wrong("lens", "'lens' and 'mask' both say what is padding; give one of them.");
        if (model.Positions?.Count is { } count && Length > count)
            throw ForwardChecks.Wrong("x", $"'x' has shape {X.Shape}: {Length} positions, but the model has MaxSeqLen = {count}.");
        ForwardChecks.MoreEmbeddings(model, (X, "x"), dim, SumEmbeds, PrependEmbeds, PrependMask);
        if (PrependEmbeds is not null && memory > 0)
            throw ForwardChecks.Wrong(
                "prependEmbeds", "'prependEmbeds' would stand in front of the memory tokens, which are no part of the output; use one or the other.");
        ForwardChecks.Mask(model, SelfAttnKvMask, Batch, Length, "key, as many as positions of 'x'", "selfAttnKvMask");
        CheckStarts(Batch);
        if (Pos is not null && model.Positions is null && !model.AttnLayers.Options.ReadsPositions)
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but the model has neither absolute positions nor ALiBi that would read it.");
        if (Pos is not null && model.AttnLayers.Options.ReadsPositions && memory + Prefix > 0)
            throw ForwardChecks.Wrong(
                "pos", "'pos' was passed, but memory tokens or 'prependEmbeds' stand in front of the sequence, and ALiBi would need positions for them too.");
    }
}
