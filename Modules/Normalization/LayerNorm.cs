using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>(x − mean) / sqrt(var + 1e-5) · (gamma + offset), without bias. Key: <c>gamma</c> [dim].</summary>
public sealed class LayerNorm : Norm
{
    private readonly Tensor _gamma; // [dim]
    private readonly float _offset;

    /// <summary>A norm over the last axis.</summary>
    /// <param name="dim">The axis' length.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="unitOffset">Whether the gain is stored minus one.</param>
    /// <param name="dtype">What the gain is stored as.</param>
    public LayerNorm(int dim, ComputeDevice device, bool unitOffset = false, DType dtype = DType.Float32)
        : this(dim, unitOffset, new ParameterInitializer(device, 0, dtype))
    {
    }

    /// <summary>As the other constructor, with parameters from <paramref name="initializer"/>: for a module that it is inside of.</summary>
    public LayerNorm(int dim, bool unitOffset, ParameterInitializer initializer)
        : base(initializer)
    {
        OptionChecks.Positive(dim, nameof(dim));
        _offset = unitOffset ? 1f : 0f;
        _gamma = AddParameter("gamma", initializer.Constant([dim], 1f - _offset));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? condition = null) => Operators.LayerNorm(Computed(x), Computed(_gamma), _offset);
}
