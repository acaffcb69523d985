using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// W₂ · dropout(norm?(act(W₁ x + b₁))) + b₂, or gated: the first half of W₁ x + b₁ is the value, the second half the gate. Inner width ⌊dim · mult⌋.
/// Keys: <c>ff.0.0.weight</c>, <c>.bias</c> (gated: <c>ff.0.proj.…</c>, <c>ff.0.mult_bias</c>), <c>ff.1.gamma</c> with PostActLn, <c>ff.2.…</c> (then
/// <c>ff.3.…</c>).
/// </summary>
public sealed class FeedForward : Branch
{
    private readonly Linear _in;
    private readonly Linear _out;
    private readonly LayerNorm? _soluNorm;
    private readonly LayerNorm? _innerNorm;
    private readonly Tensor? _multiplier; // [inner]

    /// <summary>A feedforward with x-transformers' initialisation.</summary>
    /// <exception cref="ArgumentException">The options contradict each other; the message names them.</exception>
    public FeedForward(FeedForwardOptions options, ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
        : this(options, new ParameterInitializer(device, seed, dtype))
    {
    }

    /// <summary>As the other constructor, with parameters from <paramref name="initializer"/>: for a module that it is inside of.</summary>
    public FeedForward(FeedForwardOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        int inner = options.InnerDim;
        ModuleGroup ff = AddChild("ff", new ModuleGroup(initializer)), first = ff.Add("0", new ModuleGroup(initializer));
        if (options.Glu)
        {
            if (options.GluMultBias)
                _multiplier = first.AddTensor("mult_bias", initializer.Constant([inner], 1f));
            _in = first.Add("proj", new Linear(options.InputDim, 2 * inner, bias: true, initializer));
        }
        else
        {
            _in = first.Add("0", new Linear(options.InputDim, inner, !options.NoBias, initializer));
            if (options.Solu)
                _soluNorm = first.Add("1", new ModuleGroup(initializer)).Add("norm", new LayerNorm(inner, unitOffset: false, initializer));
        }

        if (options.PostActLn)
            _innerNorm = ff.Add("1", new LayerNorm(inner, unitOffset: false, initializer));
        _out = ff.Add(options.PostActLn ? "3" : "2", new Linear(inner, options.OutputDim, !options.NoBias, initializer, options.ZeroInitOutput));
        construction.Complete();
    }

    /// <summary>What it is.</summary>
    public FeedForwardOptions Options { get; }

    internal override bool FusesResidual => true;

    /// <summary>Applies the feedforward.</summary>
    /// <param name="x">[…, dim]</param>
    /// <returns>[…, dimOut]</returns>
    public Tensor Forward(Tensor x)
    {
        ForwardChecks.Input(this, x, Options.InputDim);
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(Run(Computed(x), BranchInputs.None, null));
    }

    /// <inheritdoc/>
    public override Tensor Invoke(CallArguments arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        Tensor x = arguments.Required("x");
        arguments.CheckAllUsed(nameof(FeedForward));
        return Forward(x);
    }

    internal override Tensor Run(Tensor x, BranchInputs inputs, Tensor? residual)
    {
        Tensor inner = Inner(x);
        if (_innerNorm is not null)
            inner = _innerNorm.Forward(inner);
        inner = Operators.Dropout(inner, Options.Dropout);
        if (inputs.DeepEmbed is null)
            return _out.WithDropout(inner, Options.SublayerDropout, residual, null);
        Tensor scaled = Operators.Multiply(_out.WithDropout(inner, Options.SublayerDropout, null, null), inputs.DeepEmbed);
        return residual is null ? scaled : Operators.Add(scaled, residual);
    }

    private Tensor Inner(Tensor x)
    {
        if (Options.Glu)
            return Operators.GatedLinearUnit(_in.Forward(x), Options.Activation, Computed(_multiplier), Options.SoftclampValue, Options.GluGateSoftclampValue);
        if (_soluNorm is null && Options.SoftclampValue is null)
            return _in.Forward(x, Options.Activation);
        Tensor inner = _in.Forward(x);
        if (Options.SoftclampValue is { } clamp)
            inner = Operators.SoftClamp(inner, clamp);
        return _soluNorm is null ? Operators.Activate(inner, Options.Activation) : _soluNorm.Forward(Operators.Multiply(Operators.Softmax(inner), inner));
    }
}
