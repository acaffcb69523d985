using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The natural logarithm: −∞ at zero, NaN below it, element by element, for real numbers of any shape; the result has the shape and data type of
    /// <paramref name="input"/>.
    /// </summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Log(Tensor input)
        => Algebra.Unary(input, default(LogFunction), UnaryOperator<LogFunction>.Forward, UnaryOperator<LogFunction>.Backward);
}

internal readonly struct LogFunction : IUnaryFunction<LogFunction>
{
    public static string Name => "Log";

    public static string Formula => "y = ln x";

    public static float Apply(LogFunction f, float x) => SpecialFunctions.LogZeroAtOne(x);

    public static Vector512<float> Apply(LogFunction f, Vector512<float> x) => Vector512.Log(x);

    public static float Gradient(LogFunction f, float g, float x) => g / x;

    public static Vector512<float> Gradient(LogFunction f, Vector512<float> g, Vector512<float> x) => g / x;
}
