using System.Runtime.Intrinsics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary><paramref name="factor"/> · x + <paramref name="offset"/>, element by element, as in <c>x + 2f</c> and <c>1f - x</c>; the result has the shape
    /// and data type of <paramref name="input"/>.</summary>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static Tensor Affine(Tensor input, float factor, float offset)
        => Algebra.Unary(input, new AffineFunction(factor, offset), UnaryOperator<AffineFunction>.Forward, UnaryOperator<AffineFunction>.Backward);
}

internal readonly struct AffineFunction(float factor, float offset) : IUnaryFunction<AffineFunction>
{
    private readonly float _factor = factor, _offset = offset;

    public static string Name => "Affine";

    public static string Formula => "y = factor · x + offset";

    public static float Apply(AffineFunction f, float x) => f._factor * x + f._offset;

    public static Vector512<float> Apply(AffineFunction f, Vector512<float> x) => Vector512.Create(f._factor) * x + Vector512.Create(f._offset);

    public static float Gradient(AffineFunction f, float g, float x) => f._factor * g;

    public static Vector512<float> Gradient(AffineFunction f, Vector512<float> g, Vector512<float> x) => Vector512.Create(f._factor) * g;
}
