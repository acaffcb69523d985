using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// sin x, x in radians, element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.
    /// </summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Sin(Tensor input)
        => Algebra.Unary(input, default(SinFunction), UnaryOperator<SinFunction>.Forward, UnaryOperator<SinFunction>.Backward);
}

internal readonly struct SinFunction : IUnaryFunction<SinFunction>
{
    public static string Name => "Sin";

    public static string Formula => "y = sin x";

    public static float Apply(SinFunction f, float x) => CircularFunctions.Sine(x);

    public static Vector512<float> Apply(SinFunction f, Vector512<float> x) => CircularFunctions.Sine(x);

    public static float Gradient(SinFunction f, float g, float x) => g * CircularFunctions.Cosine(x);

    public static Vector512<float> Gradient(SinFunction f, Vector512<float> g, Vector512<float> x) => g * CircularFunctions.Cosine(x);
}
