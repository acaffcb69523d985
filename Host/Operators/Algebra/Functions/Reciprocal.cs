using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>1 / x, element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Reciprocal(Tensor input)
        => Algebra.Unary(input, default(ReciprocalFunction), UnaryOperator<ReciprocalFunction>.Forward, UnaryOperator<ReciprocalFunction>.Backward);
}

internal readonly struct ReciprocalFunction : IUnaryFunction<ReciprocalFunction>
{
    public static string Name => "Reciprocal";

    public static string Formula => "y = 1 / x";

    public static float Apply(ReciprocalFunction f, float x) => 1f / x;

    public static Vector512<float> Apply(ReciprocalFunction f, Vector512<float> x) => Vector512<float>.One / x;

    public static float Gradient(ReciprocalFunction f, float g, float x) => -g / (x * x);

    public static Vector512<float> Gradient(ReciprocalFunction f, Vector512<float> g, Vector512<float> x) => -g / (x * x);
}
