using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;
using ILGPU.Algorithms;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The square root: NaN below zero, element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.
    /// </summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Sqrt(Tensor input)
        => Algebra.Unary(input, default(SqrtFunction), UnaryOperator<SqrtFunction>.Forward, UnaryOperator<SqrtFunction>.Backward);
}

internal readonly struct SqrtFunction : IUnaryFunction<SqrtFunction>
{
    public static string Name => "Sqrt";

    public static string Formula => "y = √x";

    public static float Apply(SqrtFunction f, float x) => XMath.Sqrt(x);

    public static Vector512<float> Apply(SqrtFunction f, Vector512<float> x) => Vector512.Sqrt(x);

    public static float Gradient(SqrtFunction f, float g, float x) => 0.5f * g / XMath.Sqrt(x);

    public static Vector512<float> Gradient(SqrtFunction f, Vector512<float> g, Vector512<float> x) => Vector512.Create(0.5f) * g / Vector512.Sqrt(x);
}
