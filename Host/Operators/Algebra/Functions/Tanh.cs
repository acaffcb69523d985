using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>tanh x, element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Tanh(Tensor input)
        => Algebra.Unary(input, default(TanhFunction), UnaryOperator<TanhFunction>.Forward, UnaryOperator<TanhFunction>.Backward);
}

internal readonly struct TanhFunction : IUnaryFunction<TanhFunction>
{
    public static string Name => "Tanh";

    public static string Formula => "y = tanh x";

    public static float Apply(TanhFunction f, float x) => SpecialFunctions.Tanh(x);

    public static Vector512<float> Apply(TanhFunction f, Vector512<float> x) => SpecialFunctions.Tanh(x);

    public static float Gradient(TanhFunction f, float g, float x) => 4f * g * SpecialFunctions.Sigmoid(x + x) * SpecialFunctions.Sigmoid(-x - x);

    public static Vector512<float> Gradient(TanhFunction f, Vector512<float> g, Vector512<float> x)
        => Vector512.Create(4f) * g * SpecialFunctions.Sigmoid(x + x) * SpecialFunctions.Sigmoid(-x - x);
}
