using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>left / <paramref name="right"/>, element by element; the result has the shape and data type of <paramref name="left"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Divide(Tensor left, float right) => Algebra.Unary(
        left, new DivideByNumberFunction(right), UnaryOperator<DivideByNumberFunction>.Forward, UnaryOperator<DivideByNumberFunction>.Backward, nameof(left));
}

internal readonly struct DivideByNumberFunction(float divisor) : IUnaryFunction<DivideByNumberFunction>
{
    private readonly float _divisor = divisor;

    public static string Name => "DivideByNumber";

    public static string Formula => "y = x / c";

    public static float Apply(DivideByNumberFunction f, float x) => x / f._divisor;

    public static Vector512<float> Apply(DivideByNumberFunction f, Vector512<float> x) => x / Vector512.Create(f._divisor);

    public static float Gradient(DivideByNumberFunction f, float g, float x) => g / f._divisor;

    public static Vector512<float> Gradient(DivideByNumberFunction f, Vector512<float> g, Vector512<float> x) => g / Vector512.Create(f._divisor);
}
