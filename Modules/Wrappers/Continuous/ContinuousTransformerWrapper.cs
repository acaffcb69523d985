using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Vectors to vectors: linear → + positions → stack → linear, no biases. Keys: <c>memory_tokens</c>, <c>pos_emb.…</c>, <c>post_emb_norm.gamma</c>,
/// <c>project_in.weight</c> [dim, DimIn], <c>attn_layers.…</c>, <c>project_out.weight</c> [DimOut, dim]; twice DimOut where it is probabilistic.
/// </summary>
public sealed class ContinuousTransformerWrapper : Module
{
    private readonly Tensor? _memoryTokens; // [memory, dim]
    private readonly LayerNorm? _postEmbNorm;
    private readonly Linear? _projectIn;
    private readonly Linear? _projectOut;

    /// <summary>A model around a stack, which it owns from then on, with x-transformers' initialisation.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="attnLayers">The stack; it also says on which device and in which data type.</param>
    /// <param name="seed">The same seed gives the same parameters on every device.</param>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    public ContinuousTransformerWrapper(ContinuousTransformerWrapperOptions options, AttentionLayers attnLayers, int seed = 0)
        : this(options, attnLayers, TransformerWrapper.Initializer(attnLayers, seed))
    {
    }

    /// <summary>A model around a stack, which it owns from then on, as a part of another model.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="attnLayers">The stack, on the initializer's device and in its data type.</param>
    /// <param name="initializer">What the outer model draws its parameters from.</param>
    /// <exception cref="ArgumentException">An option is out of range; the message names it.</exception>
    public ContinuousTransformerWrapper(ContinuousTransformerWrapperOptions options, AttentionLayers attnLayers, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(attnLayers);
        int dim = attnLayers.Options.Dim;
        options.Validate(dim);
        Options = options;
        AttnLayers = attnLayers;
        if (options.MemoryTokens > 0)
            _memoryTokens = AddParameter("memory_tokens", initializer.Normal([options.MemoryTokens, dim]));
        if (options.UseAbsPosEmb && options.MaxSeqLen is > 0 and { } positions && !attnLayers.Options.ReplacesAbsolutePositions)
            Positions = AddChild<AbsolutePositions>(
                "pos_emb",
                options.ScaledSinuPosEmb ? new SinusoidalPositions(dim, initializer) : new LearnedPositions(positions, dim, l2norm: false, initializer));
        if (options.PostEmbNorm)
            _postEmbNorm = AddChild("post_emb_norm", new LayerNorm(dim, unitOffset: false, initializer));
        if (options.DimIn is { } dimIn && !(options.UseIdentityIfSameDim && dimIn == dim))
            _projectIn = AddChild("project_in", new Linear(dimIn, dim, bias: false, initializer));
        AddChild("attn_layers", attnLayers);
        int? projected = options.Probabilistic ? 2 * options.DimOut : options.DimOut;
        if (projected is { } width && !(options.UseIdentityIfSameDim && width == dim))
            _projectOut = AddChild("project_out", new Linear(dim, width, bias: false, initializer));
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public ContinuousTransformerWrapperOptions Options { get; }

    /// <summary>The stack.</summary>
    public AttentionLayers AttnLayers { get; }

    internal AbsolutePositions? Positions { get; }

    internal int InputDim => Options.DimIn ?? AttnLayers.Options.Dim;

    internal int OutputDim => Options.DimOut ?? AttnLayers.Options.Dim / (Options.Probabilistic ? 2 : 1);

    /// <summary>Runs the model.</summary>
    /// <param name="x">[batch, sequence, DimIn]</param>
    /// <param name="mask">bool [batch, sequence], true to keep.</param>
    /// <param name="context">[batch, contextLength, CrossAttn.DimContext], for a stack with cross-attention.</param>
    /// <param name="contextMask">bool [batch, contextLength], true to keep.</param>
    /// <returns>[batch, sequence, DimOut]; [batch, DimOut] with AveragePoolEmbed; means and variances, [2, …], where it is probabilistic.</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit, or an argument is missing or superfluous.</exception>
    public Tensor Forward(Tensor x, Tensor? mask = null, Tensor? context = null, Tensor? contextMask = null)
        => Forward(new SequenceInputs(x) { Mask = mask, Context = context, ContextMask = contextMask });

    /// <inheritdoc cref="Forward(Tensor, Tensor?, Tensor?, Tensor?)"/>
    /// <param name="inputs">The sequence and everything that goes with it.</param>
    public Tensor Forward(SequenceInputs inputs)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor y = Embed(inputs);
        inputs.KeepAsked(scope);
        y = _projectOut?.Forward(y) ?? y;
        return scope.Keep(Options.Probabilistic ? MeansAndVariances(y) : y);
    }

    /// <summary>The stack's output.</summary>
    /// <param name="inputs">The sequence and everything that goes with it.</param>
    /// <returns>[batch, sequence, dim]; [batch, dim] with AveragePoolEmbed.</returns>
    /// <exception cref="ArgumentException">As for <see cref="Forward(SequenceInputs)"/>.</exception>
    public Tensor Embeddings(SequenceInputs inputs)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        Tensor y = Embed(inputs);
        inputs.KeepAsked(scope);
        return scope.Keep(y);
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        SequenceInputs inputs = SequenceInputs.From(arguments);
        bool embeddings = arguments.Flag("return_embeddings");
        arguments.CheckAllUsed(nameof(ContinuousTransformerWrapper));
        return embeddings ? Embeddings(inputs) : Forward(inputs);
    }

    private Tensor Embed(SequenceInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        inputs.Check(this);
        Tensor x = _projectIn?.Forward(inputs.X) ?? Computed(inputs.X);
        x = Positions?.Forward(x, inputs.SeqStartPos is null ? inputs.Pos : SequenceMasks.PositionsFrom(inputs.SeqStartPos, inputs.Length)) ?? x;
        if (inputs.SumEmbeds is not null)
            x = Operators.Add(x, inputs.SumEmbeds.Like(x));
        x = _postEmbNorm?.Forward(x) ?? x;
        int memory = Options.MemoryTokens;
        if (_memoryTokens is not null)
            x = Operators.Concatenate(Computed(_memoryTokens).Reshape([1, memory, x.Shape[2]]), x);
        if (inputs.PrependEmbeds is not null)
            x = Operators.Concatenate(inputs.PrependEmbeds.Like(x), x);
        x = Operators.Dropout(x, Options.EmbDropout);
        SequenceInputs masked = inputs.Lens is null ? inputs : inputs with { Mask = SequenceMasks.UpTo(inputs.Lens, inputs.Length) };
        Tensor y = AttnLayers.Forward(
            x, masked.Behind(Device, inputs.Batch, inputs.Length, AttnLayers.Options.ReadsPositions, (inputs.PrependMask, inputs.Prefix), (null, memory)));
        if (memory > 0)
            y = Operators.SliceRows(y, memory, inputs.Length);
        return Options.AveragePoolEmbed
            ? MeanPooling.Over(y, SequenceMasks.Join(Device, inputs.Batch, (inputs.PrependMask, inputs.Prefix), (masked.Mask, inputs.Length)))
            : y;
    }

    // […, 2 · dim], means and logarithms of variances by turns, to [2, …, dim].
    private static Tensor MeansAndVariances(Tensor y)
    {
        Shape one = [1, .. y.Shape.Lengths[..^1], y.Shape[^1] / 2];
        Tensor pairs = y.Reshape([.. y.Shape.Lengths[..^1], one[^1], 2]);
        return Operators.Concatenate([pairs.Narrow(-1, 0, 1).Reshape(one), Operators.Exp(pairs.Narrow(-1, 1, 1).Reshape(one))], 0);
    }
}
