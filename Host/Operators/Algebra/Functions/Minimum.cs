using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The smaller of two numbers, NaN where one is; equal numbers share the gradient, element by element, of real numbers of one data type, which the result
    /// has; shapes are broadcast as PyTorch does.
    /// </summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Minimum(Tensor left, Tensor right) => Algebra.Binary(
        left, right, BinaryOperator<MinimumFunction>.Forward, BinaryOperator<MinimumFunction>.Left, BinaryOperator<MinimumFunction>.Right);
}

internal readonly struct MinimumFunction : IBinaryFunction<MinimumFunction>
{
    public static string Name => "Minimum";

    public static string Formula => "y = min(a, b)";

    public static float Apply(float a, float b) => a > b ? b : a <= b ? a : a + b;

    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => Vector512.Min(a, b);

    public static float LeftGradient(float g, float a, float b) => a < b ? g : a == b ? 0.5f * g : 0f;

    public static Vector512<float> LeftGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b)
        => Vector512.ConditionalSelect(Vector512.LessThan(a, b), g, Vector512.ConditionalSelect(Vector512.Equals(a, b), Vector512.Create(0.5f) * g, default));

    public static float RightGradient(float g, float a, float b) => a > b ? g : a == b ? 0.5f * g : 0f;

    public static Vector512<float> RightGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b)
        => Vector512.ConditionalSelect(
            Vector512.GreaterThan(a, b), g, Vector512.ConditionalSelect(Vector512.Equals(a, b), Vector512.Create(0.5f) * g, default));
}
