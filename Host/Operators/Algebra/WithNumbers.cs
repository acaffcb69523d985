namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>max(x, number), NaN where x is; where both are equal the tensor has half the gradient.</summary>
    /// <param name="left">Real numbers of any shape.</param>
    /// <param name="right">A number, rounded to the tensor's data type.</param>
    /// <exception cref="ArgumentException">The data type does not fit; nothing was launched.</exception>
    public static Tensor Maximum(Tensor left, float right) => Maximum(left, Number(left, right));

    /// <summary>min(x, number), NaN where x is; where both are equal the tensor has half the gradient.</summary>
    /// <inheritdoc cref="Maximum(Tensor, float)"/>
    public static Tensor Minimum(Tensor left, float right) => Minimum(left, Number(left, right));

    /// <summary>left where <paramref name="condition"/> is true and a number elsewhere, broadcast.</summary>
    /// <inheritdoc cref="Where(Tensor, Tensor, Tensor)"/>
    public static Tensor Where(Tensor condition, Tensor left, float right) => Where(condition, left, Number(left, right));

    /// <summary>A number where <paramref name="condition"/> is true and right elsewhere, broadcast.</summary>
    /// <inheritdoc cref="Where(Tensor, Tensor, Tensor)"/>
    public static Tensor Where(Tensor condition, float left, Tensor right) => Where(condition, Number(right, left), right);

    private static Tensor Number(Tensor like, float value)
    {
        ArgumentNullException.ThrowIfNull(like);
        Arguments.CheckFloating(like.Device, like);
        return Tensor.From(like.Device, [], [value], like.DType);
    }
}
