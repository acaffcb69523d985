using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>An elementwise function, alone or fused behind a linear layer.</summary>
public enum Activation
{
    /// <summary>x</summary>
    None = ActivationCode.None,

    /// <summary>x Φ(x), Φ being the normal distribution function: the exact form with erf, not the tanh approximation.</summary>
    Gelu = ActivationCode.Gelu,

    /// <summary>x / (1 + e^−x), also called swish.</summary>
    Silu = ActivationCode.Silu,

    /// <summary>max(x, 0)²</summary>
    ReluSquared = ActivationCode.ReluSquared,

    /// <summary>max(x, 0)</summary>
    Relu = ActivationCode.Relu,

    /// <summary>1 / (1 + e^−x)</summary>
    Sigmoid = ActivationCode.Sigmoid,

    /// <summary>tanh x</summary>
    Tanh = ActivationCode.Tanh,

    /// <summary>erf x</summary>
    Erf = ActivationCode.Erf,
}
