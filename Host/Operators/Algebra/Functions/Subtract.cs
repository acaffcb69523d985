using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>left − right, element by element, of real numbers of one data type, which the result has; shapes are broadcast as PyTorch does.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor Subtract(Tensor left, Tensor right) => Algebra.Binary(
        left, right, BinaryOperator<SubtractFunction>.Forward, BinaryOperator<SubtractFunction>.Left, BinaryOperator<SubtractFunction>.Right);
}

internal readonly struct SubtractFunction : IBinaryFunction<SubtractFunction>
{
    public static string Name => "Subtract";

    public static string Formula => "y = a − b";

    public static float Apply(float a, float b) => a - b;

    public static Vector512<float> Apply(Vector512<float> a, Vector512<float> b) => a - b;

    public static float LeftGradient(float g, float a, float b) => g;

    public static Vector512<float> LeftGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => g;

    public static float RightGradient(float g, float a, float b) => -g;

    public static Vector512<float> RightGradient(Vector512<float> g, Vector512<float> a, Vector512<float> b) => -g;
}
