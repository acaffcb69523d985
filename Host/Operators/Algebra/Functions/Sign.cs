using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>1 above zero, −1 below it and 0 elsewhere, at NaN too, with a gradient of zero; the result has the shape and data type of
    /// <paramref name="input"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Sign(Tensor input)
        => Algebra.Unary(input, default(SignFunction), UnaryOperator<SignFunction>.Forward, UnaryOperator<SignFunction>.Backward);
}

internal readonly struct SignFunction : IUnaryFunction<SignFunction>
{
    public static string Name => "Sign";

    public static string Formula => "y = sign x";

    public static float Apply(SignFunction f, float x) => x > 0f ? 1f : x < 0f ? -1f : 0f;

    public static Vector512<float> Apply(SignFunction f, Vector512<float> x)
        => (Vector512.GreaterThan(x, default) & Vector512<float>.One) - (Vector512.LessThan(x, default) & Vector512<float>.One);

    public static float Gradient(SignFunction f, float g, float x) => 0f;

    public static Vector512<float> Gradient(SignFunction f, Vector512<float> g, Vector512<float> x) => default;
}
