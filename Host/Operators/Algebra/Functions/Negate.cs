using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>−x, element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Negate(Tensor input)
        => Algebra.Unary(input, default(NegateFunction), UnaryOperator<NegateFunction>.Forward, UnaryOperator<NegateFunction>.Backward);
}

internal readonly struct NegateFunction : IUnaryFunction<NegateFunction>
{
    public static string Name => "Negate";

    public static string Formula => "y = −x";

    public static float Apply(NegateFunction f, float x) => -x;

    public static Vector512<float> Apply(NegateFunction f, Vector512<float> x) => -x;

    public static float Gradient(NegateFunction f, float g, float x) => -g;

    public static Vector512<float> Gradient(NegateFunction f, Vector512<float> g, Vector512<float> x) => -g;
}
