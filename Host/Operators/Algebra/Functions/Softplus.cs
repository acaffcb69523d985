using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>ln(1 + eˣ), element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Softplus(Tensor input)
        => Algebra.Unary(input, default(SoftplusFunction), UnaryOperator<SoftplusFunction>.Forward, UnaryOperator<SoftplusFunction>.Backward);
}

internal readonly struct SoftplusFunction : IUnaryFunction<SoftplusFunction>
{
    public static string Name => "Softplus";

    public static string Formula => "y = ln(1 + eˣ)";

    public static float Apply(SoftplusFunction f, float x) => Kernels.Softplus.Of(x);

    public static Vector512<float> Apply(SoftplusFunction f, Vector512<float> x) => Kernels.Softplus.Of(x);

    public static float Gradient(SoftplusFunction f, float g, float x) => g * SpecialFunctions.Sigmoid(x);

    public static Vector512<float> Gradient(SoftplusFunction f, Vector512<float> g, Vector512<float> x) => g * SpecialFunctions.Sigmoid(x);
}
