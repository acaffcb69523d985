using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>left / right, element by element, of real numbers of one data type, which the result has; shapes are broadcast as PyTorch does.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Divide(Tensor left, Tensor right) => Algebra.Binary(
        left, right, BinaryOperator<DivideFunction>.Forward, BinaryOperator<DivideFunction>.Left, BinaryOperator<DivideFunction>.Right);
}

internal readonly struct DivideFunction : IBinaryFunction<DivideFunction>
{
    public static string Name => "Divide";

    public static string Formula => "y = a / b";

    public static float Apply(float a, float b) => a / b;

    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a / b;

    public static float LeftGradient(float g, float a, float b) => g / b;

    public static Vector512<float> LeftGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => g / b;

    public static float RightGradient(float g, float a, float b) => -g * a / (b * b);

    public static Vector512<float> RightGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => -g * a / (b * b);
}
