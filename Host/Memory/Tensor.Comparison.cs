namespace GpuTransformer.Host;

public sealed partial class Tensor
{
    /// <summary><see cref="Operators.Less(Tensor, Tensor)"/>.</summary>
    public static Tensor operator <(Tensor left, Tensor right) => Operators.Less(left, right);

    /// <summary><see cref="Operators.Less(Tensor, float)"/>.</summary>
    public static Tensor operator <(Tensor left, float right) => Operators.Less(left, right);

    /// <summary><see cref="Operators.Greater(Tensor, float)"/> with the sides exchanged.</summary>
    public static Tensor operator <(float left, Tensor right) => Operators.Greater(right, left);

    /// <summary><see cref="Operators.Greater(Tensor, Tensor)"/>.</summary>
    public static Tensor operator >(Tensor left, Tensor right) => Operators.Greater(left, right);

    /// <summary><see cref="Operators.Greater(Tensor, float)"/>.</summary>
    public static Tensor operator >(Tensor left, float right) => Operators.Greater(left, right);

    /// <summary><see cref="Operators.Less(Tensor, float)"/> with the sides exchanged.</summary>
    public static Tensor operator >(float left, Tensor right) => Operators.Less(right, left);

    /// <summary><see cref="Operators.LessOrEqual(Tensor, Tensor)"/>.</summary>
    public static Tensor operator <=(Tensor left, Tensor right) => Operators.LessOrEqual(left, right);

    /// <summary><see cref="Operators.LessOrEqual(Tensor, float)"/>.</summary>
    public static Tensor operator <=(Tensor left, float right) => Operators.LessOrEqual(left, right);

    /// <summary><see cref="Operators.GreaterOrEqual(Tensor, float)"/> with the sides exchanged.</summary>
    public static Tensor operator <=(float left, Tensor right) => Operators.GreaterOrEqual(right, left);

    /// <summary><see cref="Operators.GreaterOrEqual(Tensor, Tensor)"/>.</summary>
    public static Tensor operator >=(Tensor left, Tensor right) => Operators.GreaterOrEqual(left, right);

    /// <summary><see cref="Operators.GreaterOrEqual(Tensor, float)"/>.</summary>
    public static Tensor operator >=(Tensor left, float right) => Operators.GreaterOrEqual(left, right);

    /// <summary><see cref="Operators.LessOrEqual(Tensor, float)"/> with the sides exchanged.</summary>
    public static Tensor operator >=(float left, Tensor right) => Operators.LessOrEqual(right, left);
}
