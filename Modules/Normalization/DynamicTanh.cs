using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>tanh(x · (scale + s₀)) · (gamma + offset) + beta. Keys: <c>pre_tanh_scale</c> [], <c>gamma</c> [dim], <c>beta</c> [dim].</summary>
/// <remarks>Zhu et al. 2025, "Transformers without Normalization".</remarks>
public sealed class DynamicTanh : Norm
{
    private readonly Tensor _scale; // []
    private readonly Tensor _gamma; // [dim]
    private readonly Tensor _beta; // [dim]
    private readonly float _scaleOffset;
    private readonly float _gainOffset;

    internal DynamicTanh(int dim, float initialScale, bool unitOffset, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        _scaleOffset = unitOffset ? initialScale : 0f;
        _gainOffset = unitOffset ? 1f : 0f;
        _scale = AddParameter("pre_tanh_scale", initializer.Constant([], initialScale - _scaleOffset));
        _gamma = AddParameter("gamma", initializer.Constant([dim], 1f - _gainOffset));
        _beta = AddParameter("beta", initializer.Constant([dim], 0f));
        construction.Complete();
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? condition = null)
    {
        Tensor scaled = Operators.ScaleAndShift(Computed(x), Computed(_scale).Reshape([1]), null, _scaleOffset);
        return Operators.ScaleAndShift(Operators.Activate(scaled, Activation.Tanh), Computed(_gamma), Computed(_beta), _gainOffset);
    }
}

/// <summary>erf(x · (alpha + offset) + s) · (gamma + offset) + beta. Keys: <c>alpha</c> [], <c>s</c> [], <c>gamma</c> [dim], <c>beta</c> [dim].</summary>
public sealed class Derf : Norm
{
    private readonly Tensor _alpha; // []
    private readonly Tensor _s; // []
    private readonly Tensor _gamma; // [dim]
    private readonly Tensor _beta; // [dim]
    private readonly float _offset;

    internal Derf(int dim, bool unitOffset, ParameterInitializer initializer)
        : base(initializer)
    {
        using StepScope construction = Device.BeginConstruction();
        _offset = unitOffset ? 1f : 0f;
        _alpha = AddParameter("alpha", initializer.Constant([], 0.5f - _offset));
        _s = AddParameter("s", initializer.Constant([], 0f));
        _gamma = AddParameter("gamma", initializer.Constant([dim], 1f - _offset));
        _beta = AddParameter("beta", initializer.Constant([dim], 0f));
        construction.Complete();
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, Tensor? condition = null)
    {
        Tensor shifted = Operators.ScaleAndShift(Computed(x), Computed(_alpha).Reshape([1]), Computed(_s).Reshape([1]), _offset);
        return Operators.ScaleAndShift(Operators.Activate(shifted, Activation.Erf), Computed(_gamma), Computed(_beta), _offset);
    }
}
