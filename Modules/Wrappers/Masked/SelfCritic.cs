using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>How wrong each token looks, read off a model's own embeddings. Keys: <c>net.…</c>, the model's again, and <c>to_logits.…</c>.</summary>
internal sealed class SelfCritic : Module
{
    private readonly TransformerWrapper _net;
    private readonly Linear _toLogits;

    public SelfCritic(TransformerWrapper net, ParameterInitializer initializer)
        : base(initializer)
    {
        _net = AddChild("net", net);
        _toLogits = AddChild("to_logits", new Linear(net.AttnLayers.Options.Dim, 1, bias: true, initializer));
    }

    /// <returns>[batch, sequence]</returns>
    public Tensor Forward(TokenInputs inputs) => _toLogits.Forward(_net.Embeddings(inputs)).Reshape(inputs.Ids.Shape);
}
