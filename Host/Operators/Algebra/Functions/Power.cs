using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>left^right, broadcast, with C's special values; the gradient of <paramref name="right"/> is zero where left is and right ≥ 0.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Power(Tensor left, Tensor right)
        => Algebra.Binary(left, right, BinaryOperator<PowerFunction>.Forward, BinaryOperator<PowerFunction>.Left, BinaryOperator<PowerFunction>.Right);
}

internal readonly struct PowerFunction : IBinaryFunction<PowerFunction>
{
    public static string Name => "Power";

    public static string Formula => "y = a^b";

    public static float Apply(float a, float b) => RealPower.Of(a, b);

    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => RealPower.Of(a, b);

    public static float LeftGradient(float g, float a, float b) => RealPower.BaseGradient(g, a, b);

    public static Vector512<float> LeftGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => RealPower.BaseGradient(g, a, b);

    public static float RightGradient(float g, float a, float b) => RealPower.ExponentGradient(g, a, b);

    public static Vector512<float> RightGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => RealPower.ExponentGradient(g, a, b);
}
