using System.Numerics;

namespace GpuTransformer.Validation;

/// <summary>The elementwise functions, as their formulas read. Functions of one number ignore the second.</summary>
internal static class ElementwiseReference
{
    /// <summary>left + right.</summary>
    public static T Add<T>(T left, T right)
        where T : IFloatingPointIeee754<T>
        => left + right;

    /// <summary>left · right.</summary>
    public static T Multiply<T>(T left, T right)
        where T : IFloatingPointIeee754<T>
        => left * right;

    /// <summary>c · tanh(x / c).</summary>
    public static T SoftClamp<T>(T x, double limit)
        where T : IFloatingPointIeee754<T>
        => T.CreateChecked(limit) * T.Tanh(x / T.CreateChecked(limit));

    /// <summary>d/dx c · tanh(x / c) = 1 − tanh²(x / c).</summary>
    public static T SoftClampDerivative<T>(T x, double limit)
        where T : IFloatingPointIeee754<T>
        => T.One - T.Tanh(x / T.CreateChecked(limit)) * T.Tanh(x / T.CreateChecked(limit));
}
