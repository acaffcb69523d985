using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Several streams of tokens of one length to logits for each: the sum of their embeddings + positions → stack → a head for each stream. Keys:
/// <c>memory_tokens</c>, <c>pos_emb.…</c>, <c>embeds.&lt;name&gt;_embed.weight</c>, <c>post_emb_norm.gamma</c>, <c>project_emb.…</c>, <c>attn_layers.…</c>,
/// <c>to_logits.&lt;name&gt;.weight</c>.
/// </summary>
/// <remarks>In front of the sequence stand, in this order, memory tokens and PrependEmbeds.</remarks>
public sealed class MultiInputTransformerWrapper : Module
{
    private readonly List<(string Name, Tensor Table)> _embeds = []; // [tokens, embDim] each
    private readonly List<(string Name, Linear Head)> _heads = [];
    private readonly LayerNorm? _postEmbNorm;
    private readonly Linear? _projectEmb;
    private readonly Tensor? _memoryTokens; // [memory, dim]
    private readonly InterspersedMemory? _interspersed;

    /// <summary>A model around a stack, which it owns from then on, with x-transformers' initialisation.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="attnLayers">The stack; it also says on which device and in which data type.</param>
    /// <param name="seed">The same seed gives the same parameters on every device.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public MultiInputTransformerWrapper(MultiInputTransformerWrapperOptions options, AttentionLayers attnLayers, int seed = 0)
        : this(options, attnLayers, TransformerWrapper.Initializer(attnLayers, seed))
    {
    }

    /// <summary>A model around a stack, which it owns from then on, as a part of another model.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="attnLayers">The stack, on the initializer's device and in its data type.</param>
    /// <param name="initializer">What the outer model draws its parameters from.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public MultiInputTransformerWrapper(MultiInputTransformerWrapperOptions options, AttentionLayers attnLayers, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(attnLayers);
        options.Validate(attnLayers.Options);
        Options = options;
        AttnLayers = attnLayers;
        int dim = attnLayers.Options.Dim;
        if (options.NumMemoryTokens is > 0 and { } memory)
        {
            _memoryTokens = AddParameter("memory_tokens", initializer.Normal([memory, dim]));
            _interspersed = options.MemoryTokensInterspersedEvery is { } every ? new InterspersedMemory(memory, every) : null;
        }

        if (options.UseAbsPosEmb && options.MaxSeqLen > 0 && attnLayers.Options.DisableAbsPosEmb != true)
            Positions = AddChild<AbsolutePositions>("pos_emb", options.ScaledSinuPosEmb
                ? new SinusoidalPositions(EmbDim, initializer)
                : new LearnedPositions(options.MaxSeqLen, EmbDim, l2norm: false, initializer));
        ModuleGroup embeds = AddChild("embeds", new ModuleGroup(initializer));
        foreach ((string name, int tokens) in options.NumTokens)
            _embeds.Add((name, embeds.Add($"{name}_embed", new ModuleGroup(initializer)).AddTensor("weight", initializer.Normal([tokens, EmbDim]))));
        if (options.PostEmbNorm)
            _postEmbNorm = AddChild("post_emb_norm", new LayerNorm(EmbDim, unitOffset: false, initializer));
        if (EmbDim != dim)
            _projectEmb = AddChild("project_emb", new Linear(EmbDim, dim, bias: true, initializer));
        AddChild("attn_layers", attnLayers);
        if (!options.ReturnOnlyEmbed)
        {
            ModuleGroup heads = AddChild("to_logits", new ModuleGroup(initializer));
            foreach ((string name, int tokens) in options.NumTokens)
                _heads.Add((name, heads.Add(name, new Linear(dim, tokens, bias: false, initializer))));
        }

        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public MultiInputTransformerWrapperOptions Options { get; }

    /// <summary>The stack.</summary>
    public AttentionLayers AttnLayers { get; }

    internal AbsolutePositions? Positions { get; }

    internal int EmbDim => Options.EmbDim ?? AttnLayers.Options.Dim;

    /// <summary>The logits of each stream's tokens.</summary>
    /// <param name="inputs">The streams and everything that goes with them.</param>
    /// <returns>By name [batch, prefix + sequence, NumTokens of the stream].</returns>
    /// <exception cref="ArgumentException">
    /// A shape, data type, device or id does not fit, an argument is missing or superfluous, or there are no logits, with ReturnOnlyEmbed.
    /// </exception>
    public IReadOnlyDictionary<string, Tensor> Forward(MultiTokenInputs inputs)
    {
        if (Options.ReturnOnlyEmbed)
            throw new ArgumentException("The model has no logits: ReturnOnlyEmbed = true. Call Embeddings.", nameof(inputs));
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor embeddings = Embed(inputs);
        inputs.KeepAsked(scope);
        return _heads.ToDictionary(static head => head.Name, head => scope.Keep(head.Head.Forward(embeddings)), StringComparer.Ordinal);
    }

    /// <summary>What the logits are computed from: the stack's output.</summary>
    /// <param name="inputs">The streams and everything that goes with them.</param>
    /// <returns>[batch, prefix + sequence, dim]</returns>
    /// <exception cref="ArgumentException">A shape, data type, device or id does not fit, or an argument is missing or superfluous.</exception>
    public Tensor Embeddings(MultiTokenInputs inputs)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor embeddings = Embed(inputs);
        inputs.KeepAsked(scope);
        return scope.Keep(embeddings);
    }

    /// <summary>
    /// As <see cref="Module.Invoke"/>: the streams are called x.&lt;name&gt;, and all logits stand beside each other in the last axis, in NumTokens' order.
    /// </summary>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        MultiTokenInputs inputs = MultiTokenInputs.From(arguments);
        bool embeddings = arguments.Flag("return_embeddings") || Options.ReturnOnlyEmbed;
        arguments.CheckAllUsed(nameof(MultiInputTransformerWrapper));
        if (embeddings)
            return Embeddings(inputs);
        using InferenceScope scope = InferenceScope.Begin(Device);
        IReadOnlyDictionary<string, Tensor> logits = Forward(inputs);
        inputs.KeepAsked(scope);
        return scope.Keep(Operators.Concatenate([.. _heads.Select(head => logits[head.Name])], -1));
    }

    private Tensor Embed(MultiTokenInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        inputs.Check(this);
        Tensor x = EmbedTokens(inputs);
        if (inputs.PrependEmbeds is not null)
            x = Operators.Concatenate(inputs.PrependEmbeds.Like(x), x);
        x = Operators.Dropout(TransformerWrapper.WithGradientShare(x, Options.EmbFracGradient), Options.EmbDropout);
        x = Computed(_projectEmb?.Forward(x) ?? x);
        int rows = x.Shape[1], memory = Options.NumMemoryTokens ?? 0;
        StackInputs within = inputs.Behind(
            Device, inputs.Batch, inputs.Length, AttnLayers.Options.AlibiPosBias, (null, _interspersed is null ? memory : 0),
            (inputs.PrependMask, inputs.Prefix));
        if (_memoryTokens is null)
            return AttnLayers.Forward(x, within);
        Tensor tokens = Computed(_memoryTokens);
        if (_interspersed is null)
            return Operators.SliceRows(AttnLayers.Forward(Operators.Concatenate(tokens.Reshape([1, memory, x.Shape[2]]), x), within), memory, rows);
        within = within with { Mask = _interspersed.Spread(within.Mask), SelfAttnKvMask = _interspersed.Spread(within.SelfAttnKvMask) };
        return _interspersed.TakeAway(AttnLayers.Forward(_interspersed.Spread(x, tokens), within), rows);
    }

    // [batch, sequence, embDim]
    private Tensor EmbedTokens(MultiTokenInputs inputs)
    {
        Tensor x = Operators.Embedding(_embeds[0].Table, inputs.Ids[_embeds[0].Name]);
        foreach ((string name, Tensor table) in _embeds.Skip(1))
            x = Operators.Add(x, Operators.Embedding(table, inputs.Ids[name]));
        if (Positions is not null)
            x = Positions.Forward(x, inputs.SeqStartPos is null ? inputs.Pos : SequenceMasks.PositionsFrom(inputs.SeqStartPos, inputs.Length));
        if (inputs.SumEmbeds is not null)
            x = Operators.Add(x, inputs.SumEmbeds.Like(x));
        return _postEmbNorm?.Forward(x) ?? x;
    }
}
