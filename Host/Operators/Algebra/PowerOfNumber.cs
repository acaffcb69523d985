using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>x^<paramref name="exponent"/>, element by element, with C's special values (x^0 is 1); its gradient is zero where the exponent is.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Power(Tensor input, float exponent) => exponent == 2f ? Square(input) : Algebra.Unary(
        input, new PowerOfNumberFunction(exponent), UnaryOperator<PowerOfNumberFunction>.Forward, UnaryOperator<PowerOfNumberFunction>.Backward);
}

internal readonly struct PowerOfNumberFunction(float exponent) : IUnaryFunction<PowerOfNumberFunction>
{
    private readonly float _exponent = exponent;

    public static string Name => "PowerOfNumber";

    public static string Formula => "y = x^c";

    public static float Apply(PowerOfNumberFunction f, float x) => RealPower.Of(x, f._exponent);

    public static Vector512<float> Apply(PowerOfNumberFunction f, Vector512<float> x) => RealPower.Of(x, Vector512.Create(f._exponent));

    public static float Gradient(PowerOfNumberFunction f, float g, float x) => RealPower.BaseGradient(g, x, f._exponent);

    public static Vector512<float> Gradient(PowerOfNumberFunction f, Vector512<float> g, Vector512<float> x)
        => RealPower.BaseGradient(g, x, Vector512.Create(f._exponent));
}
