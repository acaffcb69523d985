using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>ln σ(x) = min(x, 0) − ln(1 + e^−|x|): nothing overflows, and nothing becomes minus infinity before x does.</summary>
internal static class LogSigmoid
{
    /// <param name="x">Any shape.</param>
    /// <returns>float32: what is small beside one would be lost in two bytes.</returns>
    public static Tensor Of(Tensor x)
    {
        Tensor wide = x.As(DType.Float32);
        return Operators.Minimum(wide, 0f) - Operators.Log(Operators.Exp(-Operators.Abs(wide)) + 1f);
    }
}
