using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>The arguments of one call of a <see cref="TransformerWrapper"/>, under x-transformers' names. All masks are bool, true to keep.</summary>
/// <param name="Ids">Int32 or Int64 [batch, sequence].</param>
public sealed record TokenInputs(Tensor Ids)
{
    /// <summary>bool [batch, sequence]: hides keys from self-attention and zeroes attention's output at hidden queries.</summary>
    public Tensor? Mask { get; init; }

    /// <summary>[batch, contextLength, CrossAttn.DimContext], for a stack with cross-attention.</summary>
    public Tensor? Context { get; init; }

    /// <summary>bool [batch, contextLength]: hides keys from cross-attention.</summary>
    public Tensor? ContextMask { get; init; }

    /// <summary>bool pairs of query and key, for self-attention; covers what is put in front of the tokens too.</summary>
    public Tensor? AttnMask { get; init; }

    /// <summary>bool [batch, sequence]: self-attention's key mask in place of <see cref="Mask"/>.</summary>
    public Tensor? SelfAttnKvMask { get; init; }

    /// <summary>bool pairs of query and key, for cross-attention.</summary>
    public Tensor? CrossAttnMask { get; init; }

    /// <summary>Real, pairs of query and key: added to self-attention's scores.</summary>
    public Tensor? AttnBias { get; init; }

    /// <summary>Integers [sequence] or [batch, sequence]: positions in place of 0, 1, 2, …, for the absolute positions and for ALiBi.</summary>
    public Tensor? Pos { get; init; }

    /// <summary>Integers [batch]: how many tokens of left padding each sequence has. They are hidden as keys, and position 0 is the first token after them.</summary>
    public Tensor? SeqStartPos { get; init; }

    /// <summary>[batch, DimCondition] or [batch, sequence, DimCondition], for adaptive norms.</summary>
    public Tensor? Condition { get; init; }

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

    internal int Batch => Ids.Shape[0];

    internal int Length => Ids.Shape[1];

    internal int Prefix => PrependEmbeds?.Shape[1] ?? 0;

    internal static TokenInputs From(CallArguments arguments) => new(arguments.Required("x"))
    {
        Mask = arguments.Optional("mask"),
        Context = arguments.Optional("context"),
        ContextMask = arguments.Optional("context_mask"),
        AttnMask = arguments.Optional("attn_mask"),
        SelfAttnKvMask = arguments.Optional("self_attn_kv_mask"),
        CrossAttnMask = arguments.Optional("cross_attn_mask"),
        AttnBias = arguments.Optional("attn_bias"),
        Pos = arguments.Optional("pos"),
        SeqStartPos = arguments.Optional("seq_start_pos"),
        Condition = arguments.Optional("condition"),
        SumEmbeds = arguments.Optional("sum_embeds"),
        PrependEmbeds = arguments.Optional("prepend_embeds"),
        PrependMask = arguments.Optional("prepend_mask"),
        ExcisePrependEmbeds = arguments.Flag("excise_prepend_embeds"),
        EmbedIds = arguments.OptionalGroup("embed_ids"),
    };

    internal void Check(TransformerWrapper model)
    {
        ArgumentNullException.ThrowIfNull(Ids);
        ForwardChecks.OnDevice(model, Ids, "ids");
        if (Ids.Shape.Rank != 2 || Ids.DType is not (DType.Int32 or DType.Int64))
            throw ForwardChecks.Wrong("ids", $"'ids' is {Ids.DType} {Ids.Shape}, but the model needs token numbers (Int32 or Int64) [batch, sequence].");
        ForwardChecks.Mask(model, Mask, Batch, Length, "position of 'ids'", "mask");
        ForwardChecks.Mask(model, SelfAttnKvMask, Batch, Length, "key, as many as 'ids'", "selfAttnKvMask");
        CheckPositions(model);
        CheckEmbeddings(model);
    }

    private void CheckPositions(TransformerWrapper model)
    {
        if (model.Positions?.Count is { } count && Length > count)
            throw ForwardChecks.Wrong("ids", $"'ids' has shape {Ids.Shape}: {Length} tokens, but the model has positions for MaxSeqLen = {count}.");
        if (SeqStartPos is not null && (Pos is not null || SelfAttnKvMask is not null))
        {
            throw ForwardChecks.Wrong(
                "seqStartPos", "'seqStartPos' says which position every token has and which keys self-attention sees; 'pos' or 'selfAttnKvMask' says it again. Give one of them.");
        }

        if (SeqStartPos is not null)
            SequenceMasks.CheckStarts(SeqStartPos, Batch);
        if (Pos is null)
            return;
        bool hasAlibi = model.AttnLayers.Options.AlibiPosBias;
        if (model.Positions is null && !hasAlibi)
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but the model has neither absolute positions nor ALiBi that would read it.");
        if (hasAlibi && model.Options.MemoryTokens + model.Options.ClsTokens + Prefix > 0)
            throw ForwardChecks.Wrong("pos", "'pos' was passed, but memory tokens, class tokens or 'prependEmbeds' stand in front of the sequence, and ALiBi would need positions for them too.");
    }

    private void CheckEmbeddings(TransformerWrapper model)
    {
        ForwardChecks.MoreEmbeddings(model, (Ids, "ids"), model.EmbDim, SumEmbeds, PrependEmbeds, PrependMask);
        if (PrependEmbeds is null && ExcisePrependEmbeds)
            throw ForwardChecks.Wrong("prependEmbeds", "ExcisePrependEmbeds was given, but there are no 'prependEmbeds'.");
        foreach ((string name, _) in model.Options.EmbedNumTokens)
        {
            if (EmbedIds?.GetValueOrDefault(name) is not { } ids)
                throw ForwardChecks.Wrong("embedIds", $"'embedIds' lacks '{name}': the model needs {Ids.Shape} ids for each of {string.Join(", ", model.Options.EmbedNumTokens.Keys)}.");
            if (ids.Shape != Ids.Shape)
                throw ForwardChecks.Wrong("embedIds", $"'embedIds' has {ids.Shape} ids for '{name}', but the tokens are {Ids.Shape}.");
        }

        if (EmbedIds?.Keys.FirstOrDefault(name => !model.Options.EmbedNumTokens.ContainsKey(name)) is { } unknown)
            throw ForwardChecks.Wrong("embedIds", $"'embedIds' has ids for '{unknown}', but EmbedNumTokens knows {(model.Options.EmbedNumTokens.Count == 0 ? "none" : string.Join(", ", model.Options.EmbedNumTokens.Keys))}.");
    }
}
