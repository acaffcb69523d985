namespace GpuTransformer.Host;

public sealed partial class Tensor
{
    /// <summary><see cref="Operators.Permute"/>.</summary>
    public Tensor Permute(params ReadOnlySpan<int> axes) => Operators.Permute(this, axes);

    /// <summary><see cref="Operators.Transpose"/>.</summary>
    public Tensor Transpose(int first, int second) => Operators.Transpose(this, first, second);

    /// <summary><see cref="Operators.Narrow"/>.</summary>
    public Tensor Narrow(int axis, int start, int length) => Operators.Narrow(this, axis, start, length);

    /// <summary><see cref="Operators.Expand"/>.</summary>
    public Tensor Expand(Shape shape) => Operators.Expand(this, shape);
}
