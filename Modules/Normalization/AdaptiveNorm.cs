using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>LayerNorm or RMSNorm whose gain is a projection of a condition: norm(x) · (W c + 1). Key: <c>to_gamma.weight</c> [dim, dimCondition].</summary>
public sealed class AdaptiveNorm : Norm
{
    private readonly Linear _toGamma;
    private readonly bool _rms;

    internal AdaptiveNorm(int dim, int dimCondition, bool rms, ParameterInitializer initializer)
        : base(initializer)
    {
        _rms = rms;
        _toGamma = AddChild("to_gamma", new Linear(dimCondition, dim, bias: false, initializer, zero: true));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? condition = null)
    {
        ArgumentNullException.ThrowIfNull(condition);

        // One row of gains per sample or per token: [batch or batch · sequence, dim].
        Tensor projected = _toGamma.Forward(condition);
        Tensor gain = projected.Reshape([(int)(projected.Shape.Count / projected.Shape[^1]), projected.Shape[^1]]);
        x = Computed(x);
        return _rms ? Operators.RmsNorm(x, gain, 1f) : Operators.LayerNorm(x, gain, 1f);
    }
}
