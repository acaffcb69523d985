using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>x / max(‖x‖, 1e-12) · √dim · (g + offset) with one gain for all channels. Key: <c>g</c> [1].</summary>
public sealed class ScaleNorm : Norm
{
    private readonly Tensor _g; // [1]
    private readonly float _offset;

    /// <summary>A norm over the last axis.</summary>
    public ScaleNorm(ComputeDevice device, bool unitOffset = false, DType dtype = DType.Float32)
        : this(unitOffset, new ParameterInitializer(device, 0, dtype))
    {
    }

    /// <summary>As the other constructor, with parameters from <paramref name="initializer"/>: for a module that it is inside of.</summary>
    public ScaleNorm(bool unitOffset, ParameterInitializer initializer)
        : base(initializer)
    {
        _offset = unitOffset ? 1f : 0f;
        _g = AddParameter("g", initializer.Constant([1], 1f - _offset));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? condition = null) => Operators.RmsNorm(Computed(x), Computed(_g), _offset);
}

/// <summary>x / max(‖x‖, 1e-12) · √dim. No keys.</summary>
public sealed class SimpleRmsNorm : Norm
{
    internal SimpleRmsNorm(ParameterInitializer initializer)
        : base(initializer)
    {
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? condition = null) => Operators.RmsNorm(Computed(x), null);
}
