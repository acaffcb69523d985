using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Multi-head attention, self or cross, without norm and residual: queries from x, keys and values from the context where there is one, else from x.
/// Keys: <c>to_q</c>, <c>to_k</c>, <c>to_v</c>, <c>to_out</c> <c>.weight</c>, and those that options add.
/// </summary>
public sealed class Attention : Branch
{
    private readonly HeadNorm? _queryNorm;
    private readonly HeadNorm? _keyNorm;
    private readonly MultiheadRmsNorm? _queryRmsNorm;
    private readonly MultiheadRmsNorm? _keyRmsNorm;
    private readonly MultiheadRmsNorm? _valueRmsNorm;
    private readonly MemoryKeyValues? _memory;
    private readonly AttentionGates _gates;
    private readonly AttentionOptions _options;
    private readonly Linear _toQ;
    private readonly Linear _toK;
    private readonly Linear _toV;
    private readonly Linear? _toOut;

    /// <summary>An attention with x-transformers' initialisation.</summary>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public Attention(AttentionModuleOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : this(options, new ParameterInitializer(device, seed, dtype))
    {
    }

    internal Attention(AttentionModuleOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        (int heads, int keyHeads, int width) = (options.Heads, options.KeyValueHeads, options.DimHead);
        Tensor? memoryKeys = null, memoryValues = null;
        if (options.NumMemKv > 0)
        {
            memoryKeys = AddParameter("mem_k", initializer.Normal([keyHeads, options.NumMemKv, width]));
            memoryValues = AddParameter("mem_v", initializer.Normal([keyHeads, options.NumMemKv, width]));
        }

        if (options.NumMemKv > 0 || options.AddZeroKv)
        {
            _memory = new MemoryKeyValues(options, memoryKeys, memoryValues, Device);
            AddConstant(_memory.Constant);
        }

        if (options.QkNorm)
        {
            float gain = MathF.Sqrt(MathF.Sqrt(width));
            _queryNorm = new HeadNorm(width / options.QkNormGroups, Gain("qk_norm_q_scale", heads, gain, initializer), 0f);
            _keyNorm = new HeadNorm(width / options.QkNormGroups, Gain("qk_norm_k_scale", keyHeads, gain, initializer), 0f);
        }

        Tensor? headScale = options.HeadScale ? AddParameter("head_scale_params", initializer.Constant([1, heads, 1, 1], 1f)) : null;
        _toQ = AddChild("to_q", new Linear(options.Dim, options.QueryWidth, bias: false, initializer));
        _toK = AddChild("to_k", new Linear(options.SourceDim, options.KeyWidth, bias: false, initializer));
        _toV = AddChild("to_v", new Linear(options.SourceDim, options.ValueWidth, bias: false, initializer));
        if (options.QkRmsnorm)
            _queryRmsNorm = AddChild("q_rmsnorm", new MultiheadRmsNorm(heads, width, initializer));
        if (options.QkRmsnorm || options.KRmsnorm)
            _keyRmsNorm = AddChild("k_rmsnorm", new MultiheadRmsNorm(keyHeads, width, initializer));
        if (options.ValueRmsnorm)
            _valueRmsNorm = AddChild("value_rmsnorm", new MultiheadRmsNorm(keyHeads, width, initializer));
        _gates = new AttentionGates(
            options,
            options.GateValues ? AddChild("to_v_gate", new Linear(options.Dim, options.MergedWidth, bias: false, initializer, zero: true)) : null,
            options.GateValueHeads ? AddChild("to_v_head_gate", AttentionGates.HeadGate(options, initializer)) : null,
            headScale,
            AddConstant(AttentionGates.CreateHeadOfChannel(options, Device)));
        if (options.HasOutputProjection)
            _toOut = AddOutput(initializer);
        _options = CreateOptions();
    }

    /// <summary>What it is.</summary>
    public AttentionModuleOptions Options { get; }

    internal override bool FusesResidual => true;

    /// <summary>Applies attention. Masks are bool, true to keep; a query that sees no key gives exactly zero before the output projection.</summary>
    /// <param name="x">[batch, queries, dim]</param>
    /// <param name="context">[batch, keys, dimContext], or null for self-attention</param>
    /// <param name="mask">bool [batch, queries]: output is zero where false; in self-attention also the key mask, unless contextMask is given.</param>
    /// <param name="contextMask">bool [batch, keys]: the key mask.</param>
    /// <param name="attnMask">bool [queries, keys], [heads, queries, keys] or [batch, heads, queries, keys]</param>
    /// <param name="attnBias">Real, in the same shapes: added to the scaled scores.</param>
    /// <returns>[batch, queries, dimOut]</returns>
    /// <exception cref="ArgumentException">A shape, data type or device does not fit; nothing was launched.</exception>
    public Tensor Forward(Tensor x, Tensor? context = null, Tensor? mask = null, Tensor? contextMask = null, Tensor? attnMask = null, Tensor? attnBias = null)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(Run(x, AttentionCall.Check(this, x, context, mask, contextMask, attnMask, attnBias), null));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor x = arguments.Required("x");
        Tensor? context = arguments.Optional("context"), mask = arguments.Optional("mask"), contextMask = arguments.Optional("context_mask");
        Tensor? attnMask = arguments.Optional("attn_mask"), attnBias = arguments.Optional("attn_bias");
        arguments.CheckAllUsed(nameof(Attention));
        return Forward(x, context, mask, contextMask, attnMask, attnBias);
    }

    internal override Tensor Run(Tensor x, BranchInputs inputs, Tensor? residual)
    {
        Tensor source = inputs.Source ?? x;
        Tensor query = _toQ.Forward(x), key = _toK.Forward(source), value = _toV.Forward(source);
        query = _queryRmsNorm?.Forward(query) ?? _queryNorm?.Forward(query) ?? query;
        key = _keyRmsNorm?.Forward(key) ?? _keyNorm?.Forward(key) ?? key;
        value = _valueRmsNorm?.Forward(value) ?? value;
        if (_memory is not null)
        {
            key = _memory.BeforeKeys(key, _keyNorm);
            value = _memory.BeforeValues(value);
        }

        Tensor merged = Operators.Attention(query, key, value, _options with
        {
            KeyMask = inputs.KeyMask,
            Mask = inputs.Mask,
            Bias = inputs.Bias,
            AlibiSlopes = inputs.AlibiSlopes,
            AlibiPositions = inputs.AlibiPositions,
        });
        return Project(_gates.Forward(merged, x), inputs.QueryMask, residual);
    }

    private Tensor Project(Tensor merged, Tensor? rowMask, Tensor? residual)
    {
        if (_toOut is not null && !Options.OnAttn)
            return _toOut.Forward(merged, residual: residual, rowMask: rowMask);
        Tensor output = _toOut is null ? merged : Operators.GatedLinearUnit(_toOut.Forward(merged), Activation.Sigmoid);
        if (rowMask is not null)
            output = Operators.MaskRows(output, rowMask);
        return residual is null ? output : Operators.Add(output, residual);
    }

    private Tensor? Gain(string name, int heads, float initial, ParameterInitializer initializer)
        => Options.QkNormDimScale ? AddParameter(name, initializer.Constant([heads, 1, Options.DimHead], initial)) : null;

    private Linear AddOutput(ParameterInitializer initializer) => Options.OnAttn
        ? AddChild("to_out", new ModuleGroup(initializer)).Add("0", new Linear(Options.MergedWidth, 2 * Options.OutputDim, bias: false, initializer))
        : AddChild("to_out", new Linear(Options.MergedWidth, Options.OutputDim, bias: false, initializer, Options.ZeroInitOutput));

    /// <summary>What is the same in every call.</summary>
    private AttentionOptions CreateOptions()
    {
        // HeadNorm gives vectors √groupWidth times longer than unit ones, so the product of two is groupWidth times too large.
        float scale = 1f / MathF.Sqrt(Options.DimHead);
        if (Options.QkNorm)
            scale = (Options.QkNormDimScale ? scale : Options.QkNormScale) * Options.QkNormGroups / Options.DimHead;
        return new AttentionOptions
        {
            Heads = Options.Heads,
            KeyValueHeads = Options.KeyValueHeads,
            Scale = scale,
            Causal = Options.Causal ? CausalAlignment.BottomRight : CausalAlignment.None,
            Window = Options.MaxAttendPast,
            SoftClamp = Options.SoftclampLogits ? Options.LogitSoftclampValue : null,
            FreeColumns = _memory?.Count ?? 0,
        };
    }
}
