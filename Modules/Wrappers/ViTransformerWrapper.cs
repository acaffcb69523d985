using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Images to logits: patches + learned positions → stack → mean → linear. Keys: <c>pos_embedding</c> [1, patches, dim], <c>register_tokens</c>,
/// <c>patch_to_embedding.…</c>, <c>post_emb_norm.gamma</c>, <c>attn_layers.…</c>, <c>mlp_head.weight</c>, <c>mlp_head.bias</c>.
/// </summary>
/// <remarks>Dosovitskiy et al. 2021; pooled rather than with a class token (Beyer, Zhai, Kolesnikov 2022).</remarks>
public sealed class ViTransformerWrapper : Module
{
    private readonly Tensor _positions;       // [1, patches, dim]
    private readonly Tensor? _registerTokens; // [registers, dim]
    private readonly PatchEmbedding _patches;
    private readonly LayerNorm? _postEmbNorm;
    private readonly ClassificationHead? _head;

    /// <summary>A model around a stack, which it owns from then on, with x-transformers' initialisation.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="attnLayers">The stack, normally an <see cref="Encoder"/>; it also says on which device and in which data type.</param>
    /// <param name="seed">The same seed gives the same parameters on every device.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public ViTransformerWrapper(ViTransformerWrapperOptions options, AttentionLayers attnLayers, int seed = 0)
        : this(options, attnLayers, TransformerWrapper.Initializer(attnLayers, seed))
    {
    }

    /// <summary>A model around a stack, which it owns from then on, as a part of another model.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="attnLayers">The stack, on the initializer's device and in its data type.</param>
    /// <param name="initializer">What the outer model draws its parameters from.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public ViTransformerWrapper(ViTransformerWrapperOptions options, AttentionLayers attnLayers, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(attnLayers);
        options.Validate();
        Options = options;
        AttnLayers = attnLayers;
        int dim = attnLayers.Options.Dim;
        _positions = AddParameter("pos_embedding", initializer.Normal([1, options.Patches, dim]));
        if (options.NumRegisterTokens > 0)
            _registerTokens = AddParameter("register_tokens", initializer.Normal([options.NumRegisterTokens, dim]));
        _patches = AddChild("patch_to_embedding", new PatchEmbedding(options.PatchSize, options.Channels, dim, initializer));
        if (options.PostEmbNorm)
            _postEmbNorm = AddChild("post_emb_norm", new LayerNorm(dim, unitOffset: false, initializer));
        AddChild("attn_layers", attnLayers);
        if (options.NumClasses is { } classes)
            _head = AddChild("mlp_head", new ClassificationHead(dim, classes, initializer));
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public ViTransformerWrapperOptions Options { get; }

    /// <summary>The stack.</summary>
    public AttentionLayers AttnLayers { get; }

    /// <summary>The logits of each image, or its mean token without NumClasses.</summary>
    /// <param name="image">[batch, Channels, ImageSize, ImageSize], or its patches [batch, patches, PatchSize² · Channels].</param>
    /// <param name="context">[batch, contextLength, CrossAttn.DimContext], for a stack with cross-attention.</param>
    /// <param name="contextMask">bool [batch, contextLength], true to keep.</param>
    /// <returns>[batch, NumClasses], or [batch, dim]</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit, or an argument is missing or superfluous.</exception>
    public Tensor Forward(Tensor image, Tensor? context = null, Tensor? contextMask = null)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(Classify(Embed(image, context, contextMask)));
    }

    /// <summary>The stack's output for each patch.</summary>
    /// <inheritdoc cref="Forward"/>
    /// <returns>[batch, patches, dim]</returns>
    public Tensor Embeddings(Tensor image, Tensor? context = null, Tensor? contextMask = null)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(Embed(image, context, contextMask));
    }

    /// <summary>Both, from one pass.</summary>
    /// <inheritdoc cref="Forward"/>
    public (Tensor Logits, Tensor Embeddings) LogitsAndEmbeddings(Tensor image, Tensor? context = null, Tensor? contextMask = null)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor embeddings = Embed(image, context, contextMask);
        return (scope.Keep(Classify(embeddings)), scope.Keep(embeddings));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        (Tensor image, Tensor? context, Tensor? contextMask) = (arguments.Required("img"), arguments.Optional("context"), arguments.Optional("context_mask"));
        bool embeddings = arguments.Flag("return_embeddings");
        arguments.Flag("return_logits_and_embeddings");
        arguments.CheckAllUsed(nameof(ViTransformerWrapper));
        return embeddings ? Embeddings(image, context, contextMask) : Forward(image, context, contextMask);
    }

    private Tensor Embed(Tensor image, Tensor? context, Tensor? contextMask)
    {
        Check(image);
        Tensor x = AbsolutePositions.AddToEach(_patches.Forward(image), Computed(_positions).Reshape([Options.Patches, AttnLayers.Options.Dim]));
        x = Operators.Dropout(_postEmbNorm?.Forward(x) ?? x, Options.EmbDropout);
        if (_registerTokens is null)
            return AttnLayers.Forward(x, context, contextMask: contextMask);
        Tensor registers = Computed(_registerTokens).Reshape([1, Options.NumRegisterTokens, AttnLayers.Options.Dim]);
        return Operators.SliceRows(AttnLayers.Forward(Operators.Concatenate(x, registers), context, contextMask: contextMask), 0, Options.Patches);
    }

    private Tensor Classify(Tensor embeddings)
    {
        Tensor pooled = MeanPooling.Over(embeddings);
        return _head?.OfPooled(pooled) ?? pooled;
    }

    // A smaller image has fewer patches, which the first positions would fit; but they are those of other places.
    private void Check(Tensor image)
    {
        ArgumentNullException.ThrowIfNull(image);
        Shape shape = image.Shape;
        bool fits = shape.Rank == 4 ? shape[2] == Options.ImageSize && shape[3] == Options.ImageSize && shape[1] == Options.Channels
            : shape.Rank == 3 && shape[1] == Options.Patches && shape[2] == _patches.PatchDim;
        if (!fits)
        {
            throw new ArgumentException(
                $"'image' has shape {shape}, but the model needs [batch, {Options.Channels}, {Options.ImageSize}, {Options.ImageSize}], or patches [batch, "
                + $"{Options.Patches}, {_patches.PatchDim}].",
                nameof(image));
        }
    }
}
