using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// IntegrateLayers: a layer's input is Σ_l w_l · h_l over the inputs h of all layers up to it, with weights softmax(W norm(x) + b), or their ReLU, for each
/// token; self-attention, except the first, has one mixture each for queries, keys and values. Keys: <c>to_weights.0.g</c>, <c>to_weights.1.weight</c>,
/// <c>.bias</c>.
/// </summary>
/// <remarks>Gerasimov et al. 2025, "Layer-Integrated Memory".</remarks>
internal sealed class LayerIntegrator : Module
{
    private readonly int _layers;
    private readonly int _views;
    private readonly bool _isSoftmax;
    private readonly RmsNorm _norm;
    private readonly Linear _weights;

    public LayerIntegrator(AttentionLayersOptions options, int layers, int views, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        (_layers, _views, _isSoftmax) = (layers, views, options.LayerIntegrateUseSoftmax);
        ModuleGroup group = AddChild("to_weights", new ModuleGroup(initializer));
        _norm = group.Add("0", new RmsNorm(options.Dim, unitOffset: false, initializer));
        _weights = group.Add("1", new Linear(options.Dim, views * layers, bias: true, initializer));
        construction.Complete();
    }

    /// <param name="x">[batch, sequence, dim]: the layer's own input, which is the last of <paramref name="hiddens"/>.</param>
    /// <param name="hiddens">The inputs of the layers that ran.</param>
    public LayerViews Forward(Tensor x, IReadOnlyList<Tensor> hiddens)
    {
        if (hiddens.Count != _layers)
            throw new InvalidOperationException(
                $"IntegrateLayers: this layer mixes the inputs of {_layers} layers, but {hiddens.Count} ran up to it; the order of layers must "
                + "not be changed.");
        (int batch, int length) = (x.Shape[0], x.Shape[1]);
        Tensor logits = _weights.Forward(_norm.Forward(x)).Reshape([batch, length, _views, _layers]);
        Tensor weights = _isSoftmax ? Operators.Softmax(logits) : Operators.Activate(logits, Activation.Relu);
        return _views == 1 ? new LayerViews(Mixture(0)) : new LayerViews(Mixture(0), Mixture(1), Mixture(2));

        Tensor Mixture(int view)
        {
            Tensor own = weights.Narrow(2, view, 1).Reshape([batch, length, _layers]);
            Tensor sum = hiddens[0] * own.Narrow(-1, 0, 1);
            for (int layer = 1; layer < _layers; layer++)
                sum += hiddens[layer] * own.Narrow(-1, layer, 1);
            return sum;
        }
    }

    public override Tensor Invoke(CallArguments arguments) => throw new NotSupportedException("It mixes a stack's hidden states; call the stack.");
}
