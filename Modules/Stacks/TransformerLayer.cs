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

    public TransformerLayer(AttentionLayersOptions options, LayerKind kind, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        Kind = kind;
        ModuleGroup norms = AddChild("0", new ModuleGroup(initializer));
        if (options.HasPreNorm)
            _before = norms.Add("0", Norm.Create(options, initializer));
        if (options.SandwichNorm)
            _branchNorm = norms.Add("1", Norm.Create(options, initializer));
        if (options.HasPostNorm)
            _after = norms.Add("2", Norm.Create(options, initializer));
        _branch = AddChild("1", CreateBranch(options, kind, initializer));
        _residual = AddChild("2", Residual.Create(options, initializer));
        construction.Complete();
    }

    public LayerKind Kind { get; }

    /// <summary>The stream after this layer.</summary>
    public Tensor Forward(Tensor x, BranchInputs inputs)
    {
        Tensor input = _before?.Forward(x, inputs.Condition) ?? x;
        Tensor stream = _residual.Prepare(x);
        bool fused = _residual.IsSum && _branch.FusesResidual && _branchNorm is null;
        Tensor result = _branch.Run(input, inputs, fused ? stream : null);
        if (!fused)
            result = _residual.Join(_branchNorm?.Forward(result, inputs.Condition) ?? result, stream);
        return _after?.Forward(result, inputs.Condition) ?? result;
    }

    public override Tensor Invoke(CallArguments arguments) => throw new NotSupportedException("A layer's inputs are prepared by its stack; call the stack.");

    private static Branch CreateBranch(AttentionLayersOptions options, LayerKind kind, ParameterInitializer initializer)
    {
        Branch branch = kind switch
        {
            LayerKind.SelfAttention => new Attention(options.SelfAttention(), initializer),
            LayerKind.CrossAttention => new Attention(options.CrossAttention(), initializer),
            _ => new FeedForward(options.FeedForward(), initializer),
        };
        if (options.Macaron && kind == LayerKind.FeedForward)
            branch = new ConstantScale(branch, 0.5f, initializer);
        if (options.UseLayerscale)
            return new LayerScale(branch, options.Dim, options.LayerscaleInitValue, options.NormAddUnitOffset, initializer);
        return options.UseAdaptiveLayerscale ? new AdaptiveLayerScale(branch, options.Dim, options.NormConditionDim, initializer) : branch;
    }
}
