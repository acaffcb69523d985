using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>e^x, element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Exp(Tensor input)
        => Algebra.Unary(input, default(ExpFunction), UnaryOperator<ExpFunction>.Forward, UnaryOperator<ExpFunction>.Backward);
}

internal readonly struct ExpFunction : IUnaryFunction<ExpFunction>
{
    public static string Name => "Exp";

    public static string Formula => "y = e^x";

    public static float Apply(ExpFunction f, float x) => SpecialFunctions.Exp(x);

    public static Vector512<float> Apply(ExpFunction f, Vector512<float> x) => SpecialFunctions.Exp(x);

    public static float Gradient(ExpFunction f, float g, float x) => g * SpecialFunctions.Exp(x);

    public static Vector512<float> Gradient(ExpFunction f, Vector512<float> g, Vector512<float> x) => g * SpecialFunctions.Exp(x);
}
