using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The absolute value, of gradient zero at zero, element by element, for real numbers of any shape; the result has the shape and data type of
    /// <paramref name="input"/>.
    /// </summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Abs(Tensor input)
        => Algebra.Unary(input, default(AbsFunction), UnaryOperator<AbsFunction>.Forward, UnaryOperator<AbsFunction>.Backward);
}

internal readonly struct AbsFunction : IUnaryFunction<AbsFunction>
{
    public static string Name => "Abs";

    public static string Formula => "y = |x|";

    public static float Apply(AbsFunction f, float x) => x < 0f ? -x : x == 0f ? 0f : x;

    public static Vector512<float> Apply(AbsFunction f, Vector512<float> x) => Vector512.Abs(x);

    public static float Gradient(AbsFunction f, float g, float x) => x > 0f ? g : x < 0f ? -g : 0f * x;

    public static Vector512<float> Gradient(AbsFunction f, Vector512<float> g, Vector512<float> x)
        => Vector512.ConditionalSelect(Vector512.Equals(x, default), x, Vector512.ConditionalSelect(Vector512.LessThan(x, default), -g, g));
}
