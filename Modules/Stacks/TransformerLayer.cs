using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// One step of a stack: norms (<c>0.0</c> before, <c>0.1</c> on the branch's output, <c>0.2</c> after the sum; absent ones have no keys), branch (<c>1</c>) and
/// residual (<c>2</c>).
/// </summary>
internal sealed class TransformerLayer : Module
{
    private readonly Norm? _before;
    private readonly Norm? _branchNorm;
    private readonly Norm? _after;
    private readonly Branch _branch;
    private readonly Residual _residual;

    /// <param name="options">The stack's.</param>
    /// <param name="plan">Which layers there are.</param>
    /// <param name="index">Which of them this is.</param>
    /// <param name="initializer">For the parameters.</param>
    public TransformerLayer(AttentionLayersOptions options, LayerPlan plan, int index, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        LayerKind kind = Kind = plan.Layers[index];
        ModuleGroup norms = AddChild("0", new ModuleGroup(initializer));
        if (options.HasPreNorm)
            _before = norms.Add("0", Norm.Create(options, initializer));
        if (options.SandwichNorm)
            _branchNorm = norms.Add("1", Norm.Create(options, initializer));
        if (options.HasPostNorm)
            _after = norms.Add("2", Norm.Create(options, initializer));
        _branch = AddChild("1", CreateBranch(options, kind, plan.Layers.Take(index).Count(k => k == kind), initializer));
        _residual = AddChild("2", Residual.Create(options, kind, index, initializer));
        construction.Complete();
    }

    public LayerKind Kind { get; }

    /// <summary>The stream after this layer.</summary>
    /// <param name="x">The stream before it.</param>
    /// <param name="inputs">What goes with it.</param>
    /// <param name="integrate">What the layer's own input becomes before its norm; null for itself.</param>
    public Tensor Forward(Tensor x, BranchInputs inputs, Func<Tensor, LayerViews>? integrate = null)
    {
        PreparedStream prepared = _residual.Prepare(x);
        LayerViews views = integrate is null ? prepared.Views : integrate(prepared.Views.Query);
        if (inputs.Injected is { } injected)
            views = views.Map(view => view + injected);
        if (_before is not null)
        {
            views = views.Map(view => _before.Forward(view, inputs.Condition));
            inputs = inputs.Memory is { } memory ? inputs with { Memory = _before.Forward(memory, inputs.Condition) } : inputs;
        }

        if (views.Key is not null)
            inputs = inputs with { Views = views };
        bool fused = _residual.IsSum && _branch.FusesResidual && _branchNorm is null;
        Tensor result = _branch.Run(views.Query, inputs, fused ? prepared.Stream : null);
        if (!fused)
            result = _residual.Join(_branchNorm?.Forward(result, inputs.Condition) ?? result, prepared, inputs.QueryMask);
        return _after?.Forward(result, inputs.Condition) ?? result;
    }

    public override Tensor Invoke(CallArguments arguments) => throw new NotSupportedException("A layer's inputs are prepared by its stack; call the stack.");

    private static Branch CreateBranch(AttentionLayersOptions options, LayerKind kind, int ordinal, ParameterInitializer initializer)
    {
        Branch branch = kind switch
        {
            LayerKind.SelfAttention => new Attention(options.SelfAttention(ordinal), initializer),
            LayerKind.CrossAttention => new Attention(options.CrossAttention(ordinal), initializer),
            _ => new FeedForward(options.FeedForward(ordinal), initializer),
        };
        if (options.Macaron && kind == LayerKind.FeedForward)
            branch = new ConstantScale(branch, 0.5f, initializer);
        if (options.ShiftTokens > 0)
            branch = new ShiftTokens(branch, options.ShiftTokens, options.Causal, initializer);
        if (options.UseLayerscale)
            return new LayerScale(branch, options.Dim, options.LayerscaleInitValue, options.NormAddUnitOffset, initializer);
        return options.UseAdaptiveLayerscale ? new AdaptiveLayerScale(branch, options.Dim, options.NormConditionDim, initializer) : branch;
    }
}
