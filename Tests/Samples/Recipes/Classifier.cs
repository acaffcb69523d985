using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Samples;

// <recipe>
internal sealed class Classifier : Module
{
    private readonly Linear _in, _out;
    private readonly Encoder _encoder;

    public Classifier(int features, int classes, ParameterInitializer initializer)
        : base(initializer)
    {
        _in = AddChild("in", new Linear(features, 64, bias: true, initializer));
        _encoder = AddChild("encoder", new Encoder(new AttentionLayersOptions { Dim = 64, Depth = 2, Heads = 4 }, initializer));
        _out = AddChild("out", new Linear(64, classes, bias: true, initializer));
    }

    public Tensor Forward(Tensor x)
    {
        using InferenceScope scope = InferenceScope.Begin(Device);
        return scope.Keep(_out.Forward(_encoder.Forward(_in.Forward(x))));
    }
}
// </recipe>
