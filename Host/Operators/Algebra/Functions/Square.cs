using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>x · x, element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Square(Tensor input)
        => Algebra.Unary(input, default(SquareFunction), UnaryOperator<SquareFunction>.Forward, UnaryOperator<SquareFunction>.Backward);
}

internal readonly struct SquareFunction : IUnaryFunction<SquareFunction>
{
    public static string Name => "Square";

    public static string Formula => "y = x · x";

    public static float Apply(SquareFunction f, float x) => x * x;

    public static Vector512<float> Apply(SquareFunction f, Vector512<float> x) => x * x;

    public static float Gradient(SquareFunction f, float g, float x) => g * (x + x);

    public static Vector512<float> Gradient(SquareFunction f, Vector512<float> g, Vector512<float> x) => g * (x + x);
}
