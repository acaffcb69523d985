using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>x / max(‖x‖, 1e-12) · √dim · (g + offset). Key: <c>g</c> [dim].</summary>
public sealed class RmsNorm : Norm
{
    private readonly Tensor _g; // [dim]
    private readonly float _offset;

    /// <summary>A norm over the last axis.</summary>
    /// <param name="dim">The axis' length.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="unitOffset">Whether the gain is stored minus one.</param>
    /// <param name="dtype">What the gain is stored as.</param>
    public RmsNorm(int dim, ComputeDevice device, bool unitOffset = false, DType dtype = DType.Float32)
        : this(dim, unitOffset, new ParameterInitializer(device, 0, dtype))
    {
    }

    /// <summary>As the other constructor, with parameters from <paramref name="initializer"/>: for a module that it is inside of.</summary>
    public RmsNorm(int dim, bool unitOffset, ParameterInitializer initializer)
        : base(initializer)
    {
        OptionChecks.Positive(dim, nameof(dim));
        _offset = unitOffset ? 1f : 0f;
        _g = AddParameter("g", initializer.Constant([dim], 1f - _offset));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? condition = null) => Operators.RmsNorm(Computed(x), Computed(_g), _offset);
}
