using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Tokens to logits: embedding + positions → stack → logits (GPT with a <see cref="Decoder"/>, BERT with an <see cref="Encoder"/>). Keys:
/// <c>token_emb.emb.weight</c>, <c>pos_emb.…</c>, <c>post_emb_norm.gamma</c>, <c>project_emb.…</c>, <c>memory_tokens</c>, <c>cls_token</c>,
/// <c>embeds.&lt;name&gt;_embed.weight</c>, <c>ff_deep_embed</c>, <c>attn_layers.…</c>, <c>recycled_proj.weight</c>, <c>exit_gate.weight</c>,
/// <c>attn_pool.…</c>, <c>to_mixture.0.weight</c>, <c>combine_mixture.weight</c>, <c>to_logits.weight</c>,
/// <c>to_next_embed_pred.…</c>.
/// </summary>
/// <remarks>
/// In front of the sequence stand, in this order, memory tokens, class tokens and PrependEmbeds. They have no absolute position, but count as relative ones.
/// </remarks>
public sealed partial class TransformerWrapper : Module
{
    // The stack draws its parameters from the bare seed; the wrapper must not draw the same numbers again.
    private const int SeedOfItsOwn = 0x57524150;

    private readonly TokenEmbedding _tokenEmbedding;
    private readonly List<(string Name, Tensor Table)> _embeds = []; // [entries, embDim] each
    private readonly LayerNorm? _postEmbNorm;
    private readonly Linear? _projectEmb;
    private readonly Tensor? _memoryTokens; // [memory, dim]
    private readonly Tensor? _clsToken;     // [cls, dim]
    private readonly Tensor? _ffDeepEmbed;  // [tokens, depth, dim]
    private readonly InterspersedMemory? _interspersed;
    private readonly RecycledPasses? _recycled;
    private readonly LoopedPasses? _looped;
    private readonly AttentionPool? _attnPool;
    private readonly LogitHeads? _logits;
    private readonly NextEmbeddingHead? _nextEmbedding;

    /// <summary>A model around a stack, which it owns from then on, with x-transformers' initialisation.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="attnLayers">The stack; it also says on which device and in which data type.</param>
    /// <param name="seed">The same seed gives the same parameters on every device.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public TransformerWrapper(TransformerWrapperOptions options, AttentionLayers attnLayers, int seed = 0)
        : this(options, attnLayers, Initializer(attnLayers, seed))
    {
    }

    /// <summary>A model around a stack, which it owns from then on, as a part of another model.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="attnLayers">The stack, on the initializer's device and in its data type.</param>
    /// <param name="initializer">What the outer model draws its parameters from.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public TransformerWrapper(TransformerWrapperOptions options, AttentionLayers attnLayers, ParameterInitializer initializer)
        : this(options, attnLayers, null, initializer)
    {
    }

    /// <param name="options">What it is.</param>
    /// <param name="attnLayers">The stack.</param>
    /// <param name="tied">Another model's token table to share, or null.</param>
    /// <param name="initializer">For the parameters.</param>
    internal TransformerWrapper(TransformerWrapperOptions options, AttentionLayers attnLayers, TokenEmbedding? tied, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(attnLayers);
        int dim = attnLayers.Options.Dim;
        options.Validate();
        options.ValidateAround(attnLayers.Options);
        Options = options;
        AttnLayers = attnLayers;
        if (options.MemoryTokens > 0)
            _memoryTokens = AddParameter("memory_tokens", initializer.Normal([options.MemoryTokens, dim]));
        if (options.ClsTokens > 0)
            _clsToken = AddParameter("cls_token", initializer.Normal([options.ClsTokens, dim], 0.02f));
        if (options.MemoryTokensInterspersedEvery is { } every)
            _interspersed = new InterspersedMemory(options.MemoryTokens, every);
        if (options.FfDeepEmbed)
            _ffDeepEmbed = AddParameter("ff_deep_embed", initializer.Constant([options.NumTokens, attnLayers.Options.Depth!.Value, dim], 1f));
        _tokenEmbedding = AddChild("token_emb", tied ?? new TokenEmbedding(options.NumTokens, EmbDim, options.L2normEmbed, initializer));
        ModuleGroup? embeds = options.EmbedNumTokens.Count > 0 ? AddChild("embeds", new ModuleGroup(initializer)) : null;
        foreach ((string name, int entries) in options.EmbedNumTokens)
            _embeds.Add((name, embeds!.Add($"{name}_embed", new ModuleGroup(initializer)).AddTensor("weight", initializer.Normal([entries, EmbDim]))));
        if (options.UseAbsPosEmb && options.MaxSeqLen > 0 && !attnLayers.Options.ReplacesAbsolutePositions)
        {
            Positions = AddChild<AbsolutePositions>("pos_emb", options.CustomPositions is { } custom
                ? AbsolutePositions.Checked(custom(EmbDim, initializer), EmbDim, initializer)
                : options.ScaledSinuPosEmb
                ? new SinusoidalPositions(EmbDim, initializer)
                : new LearnedPositions(options.MaxSeqLen, EmbDim, options.L2normEmbed, initializer));
        }

        if (options.PostEmbNorm)
            _postEmbNorm = AddChild("post_emb_norm", new LayerNorm(EmbDim, unitOffset: false, initializer));
        if (EmbDim != dim)
            _projectEmb = AddChild("project_emb", new Linear(EmbDim, dim, bias: true, initializer));
        AddChild("attn_layers", attnLayers);
        _recycled = RecycledPasses.Of(this, dim, initializer);
        _looped = LoopedPasses.Of(this, dim, initializer);
        _attnPool = options.AttnPool ? AddChild("attn_pool", new AttentionPool(PoolOptions(), initializer)) : null;
        _logits = LogitHeads.Of(this, dim, initializer);
        _nextEmbedding = NextEmbeddingHead.Of(this, dim, initializer);
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public TransformerWrapperOptions Options { get; }

    /// <summary>The stack.</summary>
    public AttentionLayers AttnLayers { get; }

    internal TokenEmbedding TokenEmbedding => _tokenEmbedding;

    internal AbsolutePositions? Positions { get; }

    internal int EmbDim => Options.EmbDim ?? AttnLayers.Options.Dim;

    /// <summary>The logits of each token, or the embeddings with ReturnOnlyEmbed.</summary>
    /// <param name="ids">Int32 or Int64 [batch, sequence], each in [0, NumTokens).</param>
    /// <param name="mask">bool [batch, sequence], true to keep.</param>
    /// <param name="context">[batch, contextLength, CrossAttn.DimContext], for a stack with cross-attention.</param>
    /// <param name="contextMask">bool [batch, contextLength], true to keep.</param>
    /// <returns>
    /// [batch, sequence, logits]; [batch, logits] with AveragePoolEmbed or one class token; [batch, NumClsTokens, logits] with several; with NumOutputHeads one
    /// more axis in front; and [batch, NumPooledTokens, DimPooledTokens] with AttnPool around a stack that is not causal.
    /// </returns>
    /// <exception cref="ArgumentException">A shape, data type, device or id does not fit, or an argument is missing or superfluous.</exception>
    public Tensor Forward(Tensor ids, Tensor? mask = null, Tensor? context = null, Tensor? contextMask = null)
        => Forward(new TokenInputs(ids) { Mask = mask, Context = context, ContextMask = contextMask });

    /// <inheritdoc cref="Forward(Tensor, Tensor?, Tensor?, Tensor?)"/>
    /// <param name="inputs">The tokens and everything that goes with them.</param>
    public Tensor Forward(TokenInputs inputs)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor embeddings = Embed(inputs);
        inputs.KeepAsked(scope);
        return scope.Keep(_attnPool is not null && !AttnLayers.Options.Causal ? AttnPool(embeddings, inputs) : _logits?.Forward(embeddings) ?? embeddings);
    }

    /// <summary>What the logits are computed from: the stack's output, pooled if the options say so.</summary>
    /// <param name="inputs">The tokens and everything that goes with them.</param>
    /// <returns>Shaped as the logits, the last axis being the stack's width.</returns>
    /// <exception cref="ArgumentException">As for <see cref="Forward(TokenInputs)"/>.</exception>
    public Tensor Embeddings(TokenInputs inputs)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor embeddings = Embed(inputs);
        inputs.KeepAsked(scope);
        return scope.Keep(embeddings);
    }

    /// <summary>Both, from one pass.</summary>
    /// <exception cref="ArgumentException">As for <see cref="Forward(TokenInputs)"/>; or there are no logits, with ReturnOnlyEmbed.</exception>
    public (Tensor Logits, Tensor Embeddings) LogitsAndEmbeddings(TokenInputs inputs)
    {
        if (Options.ReturnOnlyEmbed)
            throw new ArgumentException("The model has no logits: ReturnOnlyEmbed = true. Call Embeddings.", nameof(inputs));
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor embeddings = Embed(inputs);
        inputs.KeepAsked(scope);
        return (scope.Keep(_logits!.Forward(embeddings)), scope.Keep(embeddings));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        TokenInputs inputs = TokenInputs.From(arguments);
        bool embeddings = arguments.Flag("return_embeddings");
        arguments.Flag("return_logits_and_embeddings");

        // They come beside the logits, which are what is returned here.
        foreach (string beside in new[] { "return_mems", "return_attn_z_loss", "return_attn", "return_intermediates" })
            arguments.Flag(beside);
        arguments.CheckAllUsed(nameof(TransformerWrapper));
        return embeddings ? Embeddings(inputs) : Forward(inputs);
    }

    /// <summary>Takes a module of one of its parts.</summary>
    internal TModule Own<TModule>(string name, TModule child)
        where TModule : Module
        => AddChild(name, child);

    internal static ParameterInitializer Initializer(AttentionLayers attnLayers, int seed)
    {
        ArgumentNullException.ThrowIfNull(attnLayers);
        return new ParameterInitializer(attnLayers.Device, seed ^ SeedOfItsOwn, attnLayers.DType);
    }
}
