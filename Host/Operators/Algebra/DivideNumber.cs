using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary><paramref name="left"/> / right, element by element; the result has the shape and data type of <paramref name="right"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Divide(float left, Tensor right) => Algebra.Unary(
        right, new DivideNumberFunction(left), UnaryOperator<DivideNumberFunction>.Forward, UnaryOperator<DivideNumberFunction>.Backward, nameof(right));
}

internal readonly struct DivideNumberFunction(float dividend) : IUnaryFunction<DivideNumberFunction>
{
    private readonly float _dividend = dividend;

    public static string Name => "DivideNumber";

    public static string Formula => "y = c / x";

    public static float Apply(DivideNumberFunction f, float x) => f._dividend / x;

    public static Vector512<float> Apply(DivideNumberFunction f, Vector512<float> x) => Vector512.Create(f._dividend) / x;

    public static float Gradient(DivideNumberFunction f, float g, float x) => -g * f._dividend / (x * x);

    public static Vector512<float> Gradient(DivideNumberFunction f, Vector512<float> g, Vector512<float> x) => -g * Vector512.Create(f._dividend) / (x * x);
}
