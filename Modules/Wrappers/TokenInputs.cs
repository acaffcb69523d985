using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The arguments of one call of a <see cref="TransformerWrapper"/>: those of its stack and more, under x-transformers' names.</summary>
/// <param name="Ids">Int32 or Int64 [batch, sequence].</param>
public sealed record TokenInputs(Tensor Ids) : StackInputs
{
    /// <summary>[batch, sequence, embDim]: added to the embeddings.</summary>
    public Tensor? SumEmbeds { get; init; }

    /// <summary>[batch, prefix, embDim]: put in front of the embedded tokens, without positions. The output has rows for them too.</summary>
    public Tensor? PrependEmbeds { get; init; }

    /// <summary>bool [batch, prefix]: the mask of <see cref="PrependEmbeds"/>.</summary>
    public Tensor? PrependMask { get; init; }

    /// <summary>Whether the output leaves out the rows of <see cref="PrependEmbeds"/>.</summary>
    public bool ExcisePrependEmbeds { get; init; }

    /// <summary>Integers [batch, sequence] for each of EmbedNumTokens.</summary>
    public IReadOnlyDictionary<string, Tensor>? EmbedIds { get; init; }

    /// <summary>How often a model with Recycling runs its stack, at least once; needed in evaluation, drawn by chance in training where it is null.</summary>
    public int? RecycleSteps { get; init => field = value is { } steps ? OptionChecks.AtLeastOne(steps) : null; }

    /// <summary>How often a model with Looped runs its stack, at least once; null for its MaxLoopedSteps.</summary>
    public int? LoopedSteps { get; init => field = value is { } steps ? OptionChecks.AtLeastOne(steps) : null; }

    internal int Batch => Ids.Shape[0];

    internal int Length => Ids.Shape[1];

    internal int Prefix => PrependEmbeds?.Shape[1] ?? 0;

    /// <summary>How many tokens a cache holds already.</summary>
    internal int TokensBefore => Cache is { Length: > 0 } cache ? cache.Length - cache.Leading : 0;

    /// <summary>The tokens' absolute positions; null for 0, 1, 2, …</summary>
    internal Tensor? AbsolutePositions()
    {
        int before = TokensBefore;
        if (SeqStartPos is not null)
        {
            Tensor all = SequenceMasks.PositionsFrom(SeqStartPos, before + Length);
            return before == 0 ? all : all.Narrow(1, before, Length);
        }

        return Pos is not null || before == 0 ? Pos : Tensor.From(Ids.Device, [Length], [.. Enumerable.Range(before, Length)]);
    }

    internal static TokenInputs From(CallArguments arguments) => (TokenInputs)new TokenInputs(arguments.Required("x"))
    {
        SumEmbeds = arguments.Optional("sum_embeds"),
        PrependEmbeds = arguments.Optional("prepend_embeds"),
        PrependMask = arguments.Optional("prepend_mask"),
        ExcisePrependEmbeds = arguments.Flag("excise_prepend_embeds"),
        EmbedIds = arguments.OptionalGroup("embed_ids"),
        RecycleSteps = arguments.OptionalInt32("recycle_steps"),
        LoopedSteps = (arguments.OptionalInt32("looped_steps"), arguments.OptionalInt32("max_looped_steps")) is var (exact, most) ? exact ?? most : null,
    }.Read(arguments);

    internal void Check(TransformerWrapper model)
    {
        ArgumentNullException.ThrowIfNull(Ids);
        ForwardChecks.OnDevice(model, Ids, "ids");
        if (Ids.Shape.Rank != 2 || Ids.DType is not (DType.Int32 or DType.Int64))
            throw ForwardChecks.Wrong("ids", $"'ids' is {Ids.DType} {Ids.Shape}, but the model needs token numbers (Int32 or Int64) [batch, sequence].");
        CheckCache(model);
        ForwardChecks.Mask(model, Mask, Batch, TokensBefore + Length, "position of 'ids', and of the cache before it", "mask");
        ForwardChecks.Mask(model, SelfAttnKvMask, Batch, TokensBefore + Length, "key, as many as 'ids', and of the cache before it", "selfAttnKvMask");
        CheckPositions(model);
        CheckEmbeddings(model);
        CheckPasses(model);
    }

    private void CheckPasses(TransformerWrapper model)
    {
        if (RecycleSteps is not null && !model.Options.Recycling)
            throw ForwardChecks.Wrong("recycleSteps", $"RecycleSteps = {RecycleSteps} was given, but the model does not recycle: Recycling = false.");
        if (LoopedSteps is not null && !model.Options.Looped)
            throw ForwardChecks.Wrong("loopedSteps", $"LoopedSteps = {LoopedSteps} was given, but the model does not loop: Looped = false.");
        if (model.Options.Recycling && RecycleSteps is null && model.Device.Training is null)
            throw ForwardChecks.Wrong(
                "recycleSteps", "RecycleSteps is missing: a model with Recycling needs to be told how often, save in training, where it is drawn.");
    }

    private void CheckCache(TransformerWrapper model)
    {
        if (Cache is null)
            return;
        if (model.WhyNotCached is { } why)
            throw ForwardChecks.Wrong("cache", $"'cache' was passed, but {why}.");
        if (Cache.Length > 0 && PrependEmbeds is not null)
            throw ForwardChecks.Wrong(
                "prependEmbeds", "'prependEmbeds' was passed, but the cache holds tokens already; a prefix stands before the first of them.");
    }

    private void CheckPositions(TransformerWrapper model)
    {
        if (model.Positions?.Count is { } count && TokensBefore + Length > count)
            throw ForwardChecks.Wrong(
                "ids",
                $"'ids' has shape {Ids.Shape}: {TokensBefore + Length} tokens{(TokensBefore > 0 ? " with those of the cache" : string.Empty)}, but "
                + $"the model has positions for MaxSeqLen = {count}.");
        CheckStarts(Batch);
        if (Pos is null)
            return;
        bool hasAlibi = model.AttnLayers.Options.ReadsPositions;
        if (model.Positions is null && !hasAlibi)
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but the model has neither absolute positions nor ALiBi that would read it.");
        if (hasAlibi && model.Options.MemoryTokens + model.Options.ClsTokens + Prefix > 0)
            throw ForwardChecks.Wrong(
                "pos",
                "'pos' was passed, but memory tokens, class tokens or 'prependEmbeds' stand in front of the sequence, and ALiBi would need positions for "
                + "them too.");
    }

    private void CheckEmbeddings(TransformerWrapper model)
    {
        ForwardChecks.MoreEmbeddings(model, (Ids, "ids"), model.EmbDim, SumEmbeds, PrependEmbeds, PrependMask);
        if (PrependEmbeds is null && ExcisePrependEmbeds)
            throw ForwardChecks.Wrong("prependEmbeds", "ExcisePrependEmbeds was given, but there are no 'prependEmbeds'.");
        foreach ((string name, _) in model.Options.EmbedNumTokens)
        {
            if (EmbedIds?.GetValueOrDefault(name) is not { } ids)
                throw ForwardChecks.Wrong(
                    "embedIds",
                    $"'embedIds' lacks '{name}': the model needs {Ids.Shape} ids for each of {string.Join(", ", model.Options.EmbedNumTokens.Keys)}.");
            if (ids.Shape != Ids.Shape)
                throw ForwardChecks.Wrong("embedIds", $"'embedIds' has {ids.Shape} ids for '{name}', but the tokens are {Ids.Shape}.");
        }

        if (EmbedIds?.Keys.FirstOrDefault(name => !model.Options.EmbedNumTokens.ContainsKey(name)) is { } unknown)
            throw ForwardChecks.Wrong(
                "embedIds",
                $"'embedIds' has ids for '{unknown}', but EmbedNumTokens knows "
                + $"{(model.Options.EmbedNumTokens.Count == 0 ? "none" : string.Join(", ", model.Options.EmbedNumTokens.Keys))}.");
    }
}
