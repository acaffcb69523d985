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

    /// <summary><see cref="Operators.Sum"/>.</summary>
    public Tensor Sum(Axes axes = default, bool keepDim = false) => Operators.Sum(this, axes, keepDim);

    /// <summary><see cref="Operators.Mean"/>.</summary>
    public Tensor Mean(Axes axes = default, bool keepDim = false) => Operators.Mean(this, axes, keepDim);

    /// <summary><see cref="Operators.Max"/>.</summary>
    public Tensor Max(Axes axes = default, bool keepDim = false) => Operators.Max(this, axes, keepDim);

    /// <summary><see cref="Operators.Min"/>.</summary>
    public Tensor Min(Axes axes = default, bool keepDim = false) => Operators.Min(this, axes, keepDim);

    /// <summary><see cref="Operators.LogSumExp"/>.</summary>
    public Tensor LogSumExp(Axes axes = default, bool keepDim = false) => Operators.LogSumExp(this, axes, keepDim);

    /// <summary><see cref="Operators.Norm"/>.</summary>
    public Tensor Norm(Axes axes = default, bool keepDim = false) => Operators.Norm(this, axes, keepDim);

    /// <summary><see cref="Operators.Variance"/>.</summary>
    public Tensor Variance(Axes axes = default, float correction = 1f, bool keepDim = false) => Operators.Variance(this, axes, correction, keepDim);
}
