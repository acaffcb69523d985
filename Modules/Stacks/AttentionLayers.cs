using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// A stack of attention and feedforward layers on [batch, sequence, dim]: what <see cref="Encoder"/>, <see cref="Decoder"/>, <see cref="CrossAttender"/>,
/// <see cref="PrefixDecoder"/> and <see cref="TransformerBlock"/> are. Keys: <c>layers.&lt;i&gt;.…</c>, <c>final_norm.…</c>.
/// </summary>
public partial class AttentionLayers : Module
{
    private readonly List<TransformerLayer> _layers = [];
    private readonly LayerPlan _plan;
    private readonly StackPositions _positions;
    private readonly List<LayerIntegrator> _integrators = [];
    private readonly Dictionary<int, (Linear Combine, int Earlier)> _skips = [];
    private readonly Tensor? _streamEmbedding; // [streams, dim]
    private readonly Linear? _reinject;
    private readonly Linear? _reinjectGate;
    private readonly Linear? _conditionMlp;
    private readonly Norm? _finalNorm;

    /// <summary>A stack with x-transformers' initialisation.</summary>
    /// <param name="options">What it is.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="seed">The same seed gives the same parameters on every device.</param>
    /// <param name="dtype">What parameters and activations are stored as.</param>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    /// <exception cref="InsufficientMemoryException">
    /// The device has no room for the parameters; found out before any of them is made where the layers alone are too many.
    /// </exception>
    public AttentionLayers(AttentionLayersOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : this(options, new ParameterInitializer(device, seed, dtype))
    {
    }

    /// <summary>As the other constructor, with parameters from <paramref name="initializer"/>: for a module that it is inside of.</summary>
    public AttentionLayers(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        _plan = LayerPlan.Of(options);
        ParameterMemory.Check(Device, DType, options, _plan.Layers);
        _positions = new StackPositions(this, initializer);
        ModuleGroup layers = AddChild("layers", new ModuleGroup(initializer));
        for (int index = 0; index < _plan.Layers.Count; index++)
            _layers.Add(layers.Add($"{index}", new TransformerLayer(options, _plan, index, initializer)));
        if (options.NumResidualStreams > 1)
            _streamEmbedding = AddParameter("stream_emb", initializer.Constant([options.NumResidualStreams, options.Dim], 0f));
        if (options.ReinjectInput)
            _reinject = AddChild("reinject_input_proj", new Linear(options.Dim, options.Dim, bias: false, initializer));
        if (options.LearnedReinjectInputGate)
            _reinjectGate = AddChild("learned_reinject_input_gate", new Linear(options.Dim, 1, bias: false, initializer));
        AddBetweenLayers(initializer);
        if (options.AdaptiveConditionMlp)
            _conditionMlp = AddChild("adaptive_mlp", new ModuleGroup(initializer)).Add(
                "0", new Linear(options.ConditionDim, options.NormConditionDim, bias: false, initializer));
        if (options.HasFinalNorm)
            _finalNorm = AddChild("final_norm", Norm.Create(options, initializer));
        WhyNotCached = FindWhyNotCached();
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public AttentionLayersOptions Options { get; }

    /// <summary>
    /// Whether training keeps only the stream between the layers and computes what is inside each again on the way back: much less memory, about a third more
    /// time, the same gradients. See <see cref="ComputeDevice.Checkpoint"/>.
    /// </summary>
    public bool CheckpointLayers { get; set; }

    /// <summary>Runs the stack. All masks are bool, true to keep. docs/modules.md has the table of which mask acts where.</summary>
    /// <param name="x">[batch, sequence, dim]</param>
    /// <param name="context">[batch, contextLength, CrossAttn.DimContext]: needed with CrossAttend, an error without.</param>
    /// <param name="mask">bool [batch, sequence]: hides keys from self-attention and zeroes attention's output at hidden queries.</param>
    /// <param name="contextMask">bool [batch, contextLength]: hides keys from cross-attention.</param>
    /// <param name="attnMask">bool [i, j], [heads, i, j] or [batch, heads, i, j], for self-attention.</param>
    /// <param name="selfAttnKvMask">bool [batch, sequence]: self-attention's key mask in place of <paramref name="mask"/>.</param>
    /// <param name="crossAttnMask">bool [i, j], [heads, i, j] or [batch, heads, i, j], for cross-attention.</param>
    /// <param name="attnBias">Real, shaped as attnMask: added to self-attention's scaled scores. Excludes ALiBi.</param>
    /// <param name="pos">[sequence], [batch, sequence] or [batch, alibiHeads, sequence]: positions for ALiBi in place of 0, 1, 2, …</param>
    /// <param name="seqStartPos">Integers [batch]: where each sequence starts; what is before is hidden from self-attention's keys.</param>
    /// <param name="condition">[batch, DimCondition] or [batch, sequence, DimCondition]: needed by adaptive norms, an error without.</param>
    /// <param name="hiddens">Receives the stream before every layer (the first is <paramref name="x"/> itself) and after the last, before the final norm:
    /// upstream's layer_hiddens. They belong to the open step or, without one, to the caller.</param>
    /// <returns>[batch, sequence, dim]</returns>
    /// <exception cref="ArgumentException">
    /// A shape, data type or device does not fit, or an argument is missing or superfluous; nothing was launched.
    /// </exception>
    public Tensor Forward(
        Tensor x, Tensor? context = null, Tensor? mask = null, Tensor? contextMask = null, Tensor? attnMask = null, Tensor? selfAttnKvMask = null,
        Tensor? crossAttnMask = null,
        Tensor? attnBias = null, Tensor? pos = null, Tensor? seqStartPos = null, Tensor? condition = null, IList<Tensor>? hiddens = null)
        => Forward(x, new StackInputs
        {
            Context = context,
            Mask = mask,
            ContextMask = contextMask,
            AttnMask = attnMask,
            SelfAttnKvMask = selfAttnKvMask,
            CrossAttnMask = crossAttnMask,
            AttnBias = attnBias,
            Pos = pos,
            SeqStartPos = seqStartPos,
            Condition = condition,
            Hiddens = hiddens,
        });

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor x = arguments.Required("x");
        StackInputs inputs = Read(arguments);
        arguments.CheckAllUsed(GetType().Name);
        return Forward(x, inputs);
    }

    /// <summary>
    /// Whether a position's output may depend on later positions of the sequence: what no model may do that is trained on, or asked for, the next one.
    /// What is before the stack's own mask or bias is left out of account.
    /// </summary>
    internal virtual bool SeesTheFuture => LooksAtWholeSequences
        || (!Options.Causal && _plan.Order.Any(index => _plan.Layers[index] == LayerKind.SelfAttention));

    /// <summary>Whether an option makes each position depend on all, however attention is masked.</summary>
    private protected bool LooksAtWholeSequences
        => Options.OrthogResidual || Options.MvSplitResidual || Options.Attn.OrthogProjectedValues || Options.Attn.OrthogProjectedValuesPerHead
            || (Options.ShiftTokens > 0 && !Options.Causal);

    /// <summary>Runs the stack. Every other way in, of this class, of its heirs and of the wrappers, leads here.</summary>
    /// <param name="x">[batch, sequence, dim]</param>
    /// <param name="inputs">Everything that goes with it.</param>
    /// <returns>[batch, sequence, dim]</returns>
    /// <exception cref="ArgumentException">
    /// A shape, data type or device does not fit, or an argument is missing or superfluous; nothing was launched.
    /// </exception>
    public Tensor Forward(Tensor x, StackInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        inputs.Check(this, x);
        using InferenceScope scope = InferenceScope.Begin(Device);
        inputs = Prepare(x, inputs);
        Tensor first = x = Computed(x);
        Tensor? condition = Computed(inputs.Condition);
        condition = _conditionMlp is null || condition is null ? condition : _conditionMlp.Forward(condition, Activation.Silu);
        (BranchInputs self, BranchInputs cross) = (inputs with { Context = Computed(inputs.Context) }).ForLayers(
            this, x, _positions, condition, Injected(x, inputs));
        var pass = new StackPass(Options, inputs, self, cross, x);
        if (_streamEmbedding is not null)
            x = x.Reshape([x.Shape[0], x.Shape[1], 1, x.Shape[2]]) + _streamEmbedding.Like(x);
        foreach (int index in inputs.Order(_plan, Options))
        {
            if (_skips.Count > 0 || Options.UnetSkips)
                x = pass.Combine(x, _skips.GetValueOrDefault(index).Combine, _skips.GetValueOrDefault(index).Earlier);
            if (Options.LayerDropout > 0 && Device.Training?.NextUniform() < Options.LayerDropout)
                continue;
            TransformerLayer layer = _layers[index];
            if (layer.Kind == LayerKind.SelfAttention)
                inputs.AttnHiddens?.Add(scope.Keep(x));
            Tensor next = RunLayer(index, x, pass, inputs.Hiddens, scope);
            if (!pass.KeepsStreams && !ReferenceEquals(x, first))
                scope.Release(x);
            x = next;
        }

        inputs.Hiddens?.Add(scope.Keep(x));
        inputs.KeepAsked(scope);
        if (inputs.Cache is { } cache)
        {
            cache.Memories = inputs.MemoryLength;
            cache.Commit(x.Shape[0], x.Shape[1]);
        }

        if (Options.SoftclampOutput)
            x = Operators.SoftClamp(x, Options.SoftclampOutputValue);
        if (_streamEmbedding is not null)
            x = x.Sum(2);
        return scope.Keep(_finalNorm?.Forward(x, condition) ?? x);
    }

    /// <summary>The call's arguments by x-transformers' names.</summary>
    private protected virtual StackInputs Read(CallArguments arguments) => new StackInputs().Read(arguments);

    /// <summary>
    /// What a kind of stack adds to its inputs, above all who sees whom. Called in every forward pass, after the checks, within the pass's scope: so that
    /// nothing depends on how the stack was entered.
    /// </summary>
    private protected virtual StackInputs Prepare(Tensor x, StackInputs inputs) => inputs;
}
