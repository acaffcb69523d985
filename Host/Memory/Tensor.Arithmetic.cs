namespace GpuTransformer.Host;

public sealed partial class Tensor
{
    /// <summary><see cref="Operators.Add"/>.</summary>
    public static Tensor operator +(Tensor left, Tensor right) => Operators.Add(left, right);

    /// <summary><see cref="Operators.Subtract"/>.</summary>
    public static Tensor operator -(Tensor left, Tensor right) => Operators.Subtract(left, right);

    /// <summary><see cref="Operators.Multiply"/>.</summary>
    public static Tensor operator *(Tensor left, Tensor right) => Operators.Multiply(left, right);

    /// <summary><see cref="Operators.Divide(Tensor, Tensor)"/>.</summary>
    public static Tensor operator /(Tensor left, Tensor right) => Operators.Divide(left, right);

    /// <summary><see cref="Operators.Scale"/>.</summary>
    public static Tensor operator *(Tensor left, float right) => Operators.Scale(left, right);

    /// <summary><see cref="Operators.Scale"/>.</summary>
    public static Tensor operator *(float left, Tensor right) => Operators.Scale(right, left);

    /// <summary>left + right, by <see cref="Operators.Affine"/>.</summary>
    public static Tensor operator +(Tensor left, float right) => Operators.Affine(left, 1f, right);

    /// <summary>left + right, by <see cref="Operators.Affine"/>.</summary>
    public static Tensor operator +(float left, Tensor right) => Operators.Affine(right, 1f, left);

    /// <summary>left − right, by <see cref="Operators.Affine"/>.</summary>
    public static Tensor operator -(Tensor left, float right) => Operators.Affine(left, 1f, -right);

    /// <summary>left − right, by <see cref="Operators.Affine"/>.</summary>
    public static Tensor operator -(float left, Tensor right) => Operators.Affine(right, -1f, left);

    /// <summary><see cref="Operators.Divide(Tensor, float)"/>.</summary>
    public static Tensor operator /(Tensor left, float right) => Operators.Divide(left, right);

    /// <summary><see cref="Operators.Divide(float, Tensor)"/>.</summary>
    public static Tensor operator /(float left, Tensor right) => Operators.Divide(left, right);

    /// <summary><see cref="Operators.Negate"/>.</summary>
    public static Tensor operator -(Tensor value) => Operators.Negate(value);
}
