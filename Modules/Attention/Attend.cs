using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// softmax(scale · q kᵀ + bias) v on heads as they come, without projections: x-transformers' <c>Attend</c>, and what every <see cref="Attention"/> attends
/// with.
/// </summary>
/// <remarks>
/// Here alone it is decided whether attention is fused or has its scores in memory: fused, unless an option is on that needs them
/// (<see cref="AttentionCoreOptions"/> says which); <see cref="IsFused"/> tells.
/// </remarks>
public sealed class Attend : Module
{
    private readonly IHeadsStage[] _prepare;
    private readonly ExplicitAttend? _explicit;
    private readonly Tensor? _sink;

    /// <summary>An attention core.</summary>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public Attend(AttendOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : this(options, new ParameterInitializer(device, seed, dtype))
    {
    }

    internal Attend(AttendOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        _sink = options.HeadLearnedSink ? AddParameter("head_attn_sink", initializer.Constant([options.Heads!.Value], 0f)) : null;
        if (options.NeedScores.Count > 0)
        {
            ContextualPositions? positions = options.CopeOf is { } cope
                ? AddChild("cope", new ContextualPositions(cope, options.Heads!.Value, initializer))
                : null;
            _explicit = new ExplicitAttend(options, _sink, positions, (name, heads) => AddTalkingHeads(name, heads, initializer));
        }

        IHeadsStage?[] prepare =
        [
            options.AddZeroKv ? new ZeroKeyValue() : null, options.L2Distance ? new L2Distance(options.Flash) : null,
            _sink is not null && IsFused ? new HeadSink(_sink) : null,
        ];
        _prepare = [.. prepare.OfType<IHeadsStage>()];
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public AttendOptions Options { get; }

    /// <summary>Whether attention is one operator that never has the scores in memory.</summary>
    public bool IsFused => _explicit is null;

    /// <summary>Applies attention; a query that sees no key gives exactly zero.</summary>
    /// <param name="q">[batch, heads, queries, width]</param>
    /// <param name="k">[batch, keyValueHeads, keys, width]; query head h reads head h mod keyValueHeads.</param>
    /// <param name="v">[batch, keyValueHeads, keys, valueWidth]</param>
    /// <param name="mask">bool [batch, keys] or [batch|1, heads|1, queries|1, keys]</param>
    /// <param name="attnBias">Real [heads, queries, keys] or with a batch axis, added to the scaled scores.</param>
    /// <param name="causal">In place of the option, or null.</param>
    /// <param name="prevAttn">Real [batch, heads, queries, keys], added to the scaled scores before all else: needs the scores as a matrix for this call.</param>
    /// <param name="attnDelta">Real, in the same shape, added to the weights; likewise.</param>
    /// <returns>[batch, heads, queries, valueWidth]</returns>
    public Tensor Forward(Tensor q, Tensor k, Tensor v, Tensor? mask = null, Tensor? attnBias = null, bool? causal = null,
        Tensor? prevAttn = null, Tensor? attnDelta = null)
    {
        foreach ((Tensor tensor, string name) in new[] { (q, nameof(q)), (k, nameof(k)), (v, nameof(v)) })
        {
            ArgumentNullException.ThrowIfNull(tensor, name);
            if (tensor.Shape.Rank != 4)
                throw new ArgumentException($"'{name}' has shape {tensor.Shape}, but it needs [batch, heads, sequence, width].", name);
        }

        (int heads, int keyHeads, int keys) = (q.Shape[1], k.Shape[1], k.Shape[2]);
        if (Options.Heads is { } wanted && wanted != heads)
            throw new ArgumentException($"'q' has shape {q.Shape}: {heads} heads, but Heads = {wanted}.", nameof(q));
        Shape pairs = [q.Shape[0], heads, q.Shape[2], keys];
        using InferenceScope scope = InferenceScope.Begin(Device);
        bool isKeyMask = mask?.Shape.Rank == 2;
        if (isKeyMask)
            ForwardChecks.Mask(this, mask, q.Shape[0], keys, "key");
        var scores = new ScoreOptions
        {
            Heads = heads,
            Layout = AttentionLayout.HeadMajor,
            Causal = causal == true ? CausalAlignment.BottomRight : CausalAlignment.None,
            KeyMask = isKeyMask ? mask : null,
            Mask = isKeyMask ? null : ForwardChecks.Pairs(this, mask, pairs),
            Bias = ForwardChecks.Bias(this, attnBias, pairs),
        };
        var parts = new Heads(Computed(q), Computed(k), Computed(v), heads, keyHeads, Options.Scale ?? 1f / MathF.Sqrt(q.Shape[^1]));

        var inputs = new BranchInputs
        {
            Causal = causal,
            PreviousScores = ForwardChecks.Bias(this, prevAttn, pairs),
            Deltas = attnDelta is null ? null : new AttentionDeltas { Weights = ForwardChecks.Bias(this, attnDelta, pairs) },
        };

        // What changes heads on the way takes them as projections give them.
        if (_prepare.Length == 0)
            return scope.Keep(Run(parts, scores, inputs));
        Tensor merged = Run(
            parts with { Query = HeadLayout.Merge(parts.Query), Key = HeadLayout.Merge(parts.Key), Value = HeadLayout.Merge(parts.Value) },
            scores with { Layout = AttentionLayout.SequenceMajor }, inputs);
        return scope.Keep(HeadLayout.Split(merged, heads));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor q = arguments.Required("q"), k = arguments.Required("k"), v = arguments.Required("v");
        Tensor? mask = arguments.Optional("mask"), bias = arguments.Optional("attn_bias");
        Tensor? prevAttn = arguments.Optional("prev_attn"), attnDelta = arguments.Optional("attn_delta");
        bool causal = arguments.Flag("causal");
        arguments.CheckAllUsed(nameof(Attend));
        return Forward(q, k, v, mask, bias, causal ? true : null, prevAttn, attnDelta);
    }

    /// <summary>Attends with heads that are projected and normed.</summary>
    /// <param name="heads">Heads as <paramref name="scores"/> says; sequence-major where an option changes them.</param>
    /// <param name="scores">What belongs to the call: masks, bias, positions, and causality that the caller adds.</param>
    /// <param name="inputs">What else the call was given.</param>
    internal Tensor Run(Heads heads, ScoreOptions scores, BranchInputs inputs)
    {
        DType computed = heads.Query.DType;
        bool needsScores = inputs.PreviousScores is not null || inputs.Deltas?.Weights is not null || inputs.Trace?.WantsScores == true;
        foreach (IHeadsStage stage in _prepare)
            heads = stage.Prepare(heads, default);
        if (inputs.Cache is { } cache)
            heads = cache.Append(heads);
        if (heads.KeyCount is { } count && count < heads.Key.Shape[1])
            heads = heads with { Key = heads.Key.Narrow(1, 0, count), Value = heads.Value.Narrow(1, 0, count) };
        scores = (scores with
        {
            KeyValueHeads = heads.KeyValueHeads,
            Scale = heads.Scale,
            Causal = inputs.Causal ?? Options.Causal ? CausalAlignment.BottomRight : scores.Causal,
            SoftClamp = Options.SoftclampLogits ? Options.LogitSoftclampValue : null,
            FreeColumns = heads.FreeColumns,
        }).WithDropout(Options.Dropout, heads.Query.Device);

        // A cache may store in another type than the model computes in.
        return (_explicit is null && !needsScores
            ? Operators.Attention(heads.Query, heads.Key, heads.Value, scores)
            : (_explicit ?? ForOneCall()).Forward(heads, scores, inputs)).As(computed);
    }

    // A fused attention whose caller wants to see or change the scores this once; the sink is a key already.
    private ExplicitAttend ForOneCall() => Options.RequireFused
        ? throw new InvalidOperationException("RequireFused = true, but this call needs the scores as a matrix. Switch it off, or do not ask for them.")
        : new ExplicitAttend(Options, null, null, static (name, _) => throw new InvalidOperationException(name));

    // As x-transformers stores it: the weight of a convolution over heads.
    private Tensor AddTalkingHeads(string name, int heads, ParameterInitializer initializer)
        => AddChild(name, new ModuleGroup(initializer)).AddTensor("weight", initializer.Identity([heads, heads, 1, 1]));
}
