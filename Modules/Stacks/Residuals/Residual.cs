using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What a layer is given of the stream.</summary>
/// <param name="Query">[batch, sequence, dim]: the layer's input, and what queries are projected from.</param>
/// <param name="Key">What keys are projected from; null for the same.</param>
/// <param name="Value">What values are projected from; null for the same.</param>
internal readonly record struct LayerViews(Tensor Query, Tensor? Key = null, Tensor? Value = null)
{
    /// <summary>The same after a function of each.</summary>
    public LayerViews Map(Func<Tensor, Tensor> function)
        => new(function(Query), Key is null ? null : function(Key), Value is null ? null : function(Value));
}

/// <summary>A stream, parted before a layer.</summary>
/// <param name="Views">What goes into the layer.</param>
/// <param name="Stream">What goes around it.</param>
/// <param name="Weights">How much of the layer's output each stream takes, where there are several.</param>
internal readonly record struct PreparedStream(LayerViews Views, Tensor Stream, Tensor? Weights = null);

/// <summary>How a branch's output joins the stream.</summary>
internal abstract class Residual(ParameterInitializer initializer) : Module(initializer)
{
    /// <summary>Whether joining is adding what goes around, so that the branch can do it in its last launch.</summary>
    public virtual bool IsSum => false;

    /// <summary>Parts the stream.</summary>
    public virtual PreparedStream Prepare(Tensor stream) => new(new LayerViews(stream), stream);

    /// <summary>The stream after the layer.</summary>
    /// <param name="branch">[batch, sequence, dim]: the layer's output.</param>
    /// <param name="prepared">The stream as it was parted.</param>
    /// <param name="mask">bool [batch, sequence]: which positions are there; null for all.</param>
    public abstract Tensor Join(Tensor branch, PreparedStream prepared, Tensor? mask);

    public override Tensor Invoke(CallArguments arguments)
        => throw new NotSupportedException("A residual joins two tensors; call the stack that it is part of.");

    /// <param name="options">The stack's.</param>
    /// <param name="kind">The layer's.</param>
    /// <param name="index">The layer's place in the stack.</param>
    /// <param name="initializer">For the parameters.</param>
    public static Residual Create(AttentionLayersOptions options, LayerKind kind, int index, ParameterInitializer initializer) => options switch
    {
        { NumResidualStreams: > 1 } => new HyperConnection(options, kind, index, initializer),
        { GateResidual: true } => new GatedResidual(options, initializer),
        { OrthogResidual: true } => new OrthogonalResidual(options, initializer),
        { MvSplitResidual: true } => new MeanSplitResidual(options, initializer),
        _ => new SumResidual(options, initializer),
    };
}

/// <summary>branch + stream · r · constant. Key: <c>residual_scale</c> [dim] where r is learned.</summary>
internal sealed class SumResidual : Residual
{
    private readonly Tensor? _scale; // [dim]
    private readonly float _constant;

    public SumResidual(AttentionLayersOptions options, ParameterInitializer initializer)
        : base(initializer)
    {
        _constant = options.ScaleResidualConstant;
        if (options.ScaleResidual)
            _scale = AddParameter("residual_scale", initializer.Constant([options.Dim], 1f));
    }

    public override bool IsSum => true;

    public override PreparedStream Prepare(Tensor stream) => new(new LayerViews(stream), Scaled(stream));

    public override Tensor Join(Tensor branch, PreparedStream prepared, Tensor? mask) => Operators.Add(branch, prepared.Stream);

    /// <summary>The stream as it enters the sum.</summary>
    public Tensor Scaled(Tensor stream)
    {
        if (_scale is not null)
            stream = Operators.ScaleAndShift(stream, _scale.Like(stream), null);
        return _constant == 1f ? stream : Operators.Scale(stream, _constant);
    }
}
