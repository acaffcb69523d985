using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>PyTorch's own layer norm, (x − mean) / sqrt(var + 1e-5) · weight + bias. Keys: <c>weight</c>, <c>bias</c> [dim].</summary>
internal sealed class AffineLayerNorm : Norm
{
    private readonly Tensor _weight; // [dim]
    private readonly Tensor? _bias;  // [dim]

    public AffineLayerNorm(int dim, bool bias, ParameterInitializer initializer)
        : base(initializer)
    {
        _weight = AddParameter("weight", initializer.Constant([dim], 1f));
        if (bias)
            _bias = AddParameter("bias", initializer.Constant([dim], 0f));
    }

    public override Tensor Forward(Tensor x, Tensor? condition = null)
    {
        Tensor normed = Operators.LayerNorm(Computed(x), Computed(_weight), 0f);
        return _bias is null ? normed : normed + _bias.Like(normed);
    }
}
