using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// 1 / (1 + e^−x), element by element, for real numbers of any shape; the result has the shape and data type of <paramref name="input"/>.
    /// </summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Sigmoid(Tensor input)
        => Algebra.Unary(input, default(SigmoidFunction), UnaryOperator<SigmoidFunction>.Forward, UnaryOperator<SigmoidFunction>.Backward);
}

internal readonly struct SigmoidFunction : IUnaryFunction<SigmoidFunction>
{
    public static string Name => "Sigmoid";

    public static string Formula => "y = 1 / (1 + e^−x)";

    public static float Apply(SigmoidFunction f, float x) => SpecialFunctions.Sigmoid(x);

    public static Vector512<float> Apply(SigmoidFunction f, Vector512<float> x) => SpecialFunctions.Sigmoid(x);

    public static float Gradient(SigmoidFunction f, float g, float x) => g * SpecialFunctions.Sigmoid(x) * SpecialFunctions.Sigmoid(-x);

    public static Vector512<float> Gradient(SigmoidFunction f, Vector512<float> g, Vector512<float> x)
        => g * SpecialFunctions.Sigmoid(x) * SpecialFunctions.Sigmoid(-x);
}
