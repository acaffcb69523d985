using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// cos x, x in radians, element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.
    /// </summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Cos(Tensor input)
        => Algebra.Unary(input, default(CosFunction), UnaryOperator<CosFunction>.Forward, UnaryOperator<CosFunction>.Backward);
}

internal readonly struct CosFunction : IUnaryFunction<CosFunction>
{
    public static string Name => "Cos";

    public static string Formula => "y = cos x";

    public static float Apply(CosFunction f, float x) => CircularFunctions.Cosine(x);

    public static Vector512<float> Apply(CosFunction f, Vector512<float> x) => CircularFunctions.Cosine(x);

    public static float Gradient(CosFunction f, float g, float x) => -g * CircularFunctions.Sine(x);

    public static Vector512<float> Gradient(CosFunction f, Vector512<float> g, Vector512<float> x) => -g * CircularFunctions.Sine(x);
}
