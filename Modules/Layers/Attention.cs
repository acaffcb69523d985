using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Multi-head attention, self or cross, without norm and residual: queries from x, keys and values from the context where there is one, else from x.
/// Keys: <c>to_q</c>, <c>to_k</c>, <c>to_v</c>, <c>to_out</c> <c>.weight</c>, and those that options add.
/// </summary>
public sealed partial class Attention : Branch
{
    private readonly HeadNorm? _queryNorm;
    private readonly HeadNorm? _keyNorm;
    private readonly MultiheadRmsNorm? _queryRmsNorm;
    private readonly MultiheadRmsNorm? _keyRmsNorm;
    private readonly MultiheadRmsNorm? _valueRmsNorm;
    private readonly MemoryKeyValues? _memory;
    private readonly AttentionGates _gates;
    private readonly ScoreOptions _options;
    private readonly Linear _toQ;
    private readonly Linear _toK;
    private readonly Linear _toV;
    private readonly Linear? _toOut;

    /// <summary>An attention with x-transformers' initialisation.</summary>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public Attention(AttentionOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : this(options, new ParameterInitializer(device, seed, dtype))
    {
    }

    /// <summary>What it is.</summary>
    public AttentionOptions Options { get; }

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
        BranchInputs inputs = AttentionCall.Check(this, x, context, mask, contextMask, attnMask, attnBias);
        return scope.Keep(Run(Computed(x), inputs with { Source = Computed(context) }, null));
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

        ScoreOptions options = _options with
        {
            Causal = inputs.Causal ? CausalAlignment.BottomRight : _options.Causal,
            KeyMask = inputs.KeyMask,
            Mask = inputs.Mask,
            Bias = inputs.Bias,
            AlibiSlopes = inputs.AlibiSlopes,
            AlibiPositions = inputs.AlibiPositions,
        };
        Tensor merged = Operators.Attention(query, key, value, options.WithDropout(Options.Dropout, Device));
        return Project(_gates.Forward(merged, x), inputs.QueryMask, residual);
    }

    private Tensor Project(Tensor merged, Tensor? rowMask, Tensor? residual)
    {
        if (_toOut is not null && !Options.OnAttn)
            return _toOut.WithDropout(merged, Options.SublayerDropout, residual, rowMask);
        Tensor output = _toOut is null ? merged : Operators.GatedLinearUnit(_toOut.Forward(merged), Activation.Sigmoid);
        if (rowMask is not null)
            output = Operators.MaskRows(output, rowMask);
        output = Operators.Dropout(output, Options.SublayerDropout);
        return residual is null ? output : Operators.Add(output, residual);
    }
}
