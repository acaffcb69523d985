using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The arguments of one call of a <see cref="MultiInputTransformerWrapper"/>: those of its stack and more, under x-transformers' names.</summary>
/// <param name="Ids">Int32 or Int64 [batch, sequence] for each of NumTokens.</param>
public sealed record MultiTokenInputs(IReadOnlyDictionary<string, Tensor> Ids) : StackInputs
{
    /// <inheritdoc cref="TokenInputs.SumEmbeds"/>
    public Tensor? SumEmbeds { get; init; }

    /// <inheritdoc cref="TokenInputs.PrependEmbeds"/>
    public Tensor? PrependEmbeds { get; init; }

    /// <inheritdoc cref="TokenInputs.PrependMask"/>
    public Tensor? PrependMask { get; init; }

    internal int Batch => Ids.Values.First().Shape[0];

    internal int Length => Ids.Values.First().Shape[1];

    internal int Prefix => PrependEmbeds?.Shape[1] ?? 0;

    internal static MultiTokenInputs From(CallArguments arguments)
        => (MultiTokenInputs)new MultiTokenInputs(arguments.OptionalGroup("x") ?? throw ForwardChecks.Wrong("x", "The inputs 'x.<name>' are missing."))
        {
            SumEmbeds = arguments.Optional("sum_embeds"),
            PrependEmbeds = arguments.Optional("prepend_embeds"),
            PrependMask = arguments.Optional("prepend_mask"),
        }.Read(arguments);

    internal void Check(MultiInputTransformerWrapper model)
    {
        IReadOnlyDictionary<string, int> wanted = model.Options.NumTokens;
        if (Ids is null || Ids.Count != wanted.Count || wanted.Keys.Any(name => !Ids.ContainsKey(name)))
            throw ForwardChecks.Wrong(
                "ids",
                $"'ids' has the streams {(Ids is { Count: > 0 } ? string.Join(", ", Ids.Keys) : "(none)")}, but the model needs "
                + $"{string.Join(", ", wanted.Keys)}.");
        Tensor first = Ids[wanted.Keys.First()];
        foreach ((string name, Tensor ids) in Ids)
        {
            ForwardChecks.OnDevice(model, ids, $"ids[{name}]");
            if (ids.Shape.Rank != 2 || ids.DType is not (DType.Int32 or DType.Int64) || ids.Shape != first.Shape)
                throw ForwardChecks.Wrong(
                    "ids",
                    $"'ids' has {ids.DType} {ids.Shape} for '{name}', but the streams are token numbers (Int32 or Int64) of one shape [batch, sequence]"
                    + $"{(first.Shape.Rank == 2 ? $", the first's {first.Shape}" : string.Empty)}.");
        }

        ForwardChecks.Mask(model, Mask, Batch, Length, "position of 'ids'", "mask");
        ForwardChecks.Mask(model, SelfAttnKvMask, Batch, Length, "key, as many as 'ids'", "selfAttnKvMask");
        if (model.Positions?.Count is { } count && Length > count)
            throw ForwardChecks.Wrong("ids", $"'ids' has shape {first.Shape}: {Length} tokens, but the model has positions for MaxSeqLen = {count}.");
        CheckStarts(Batch);
        bool hasAlibi = model.AttnLayers.Options.AlibiPosBias;
        if (Pos is not null && model.Positions is null && !hasAlibi)
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but the model has neither absolute positions nor ALiBi that would read it.");
        if (Pos is not null && hasAlibi && (model.Options.NumMemoryTokens ?? 0) + Prefix > 0)
            throw ForwardChecks.Wrong(
                "pos", "'pos' was passed, but memory tokens or 'prependEmbeds' stand in front of the sequence, and ALiBi would need positions for them too.");
        ForwardChecks.MoreEmbeddings(model, (first, "ids"), model.EmbDim, SumEmbeds, PrependEmbeds, PrependMask);
    }
}
