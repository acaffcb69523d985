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

    /// <inheritdoc cref="Operators.Gather"/>
    public Tensor Gather(int axis, Tensor index) => Operators.Gather(this, axis, index);

    /// <inheritdoc cref="Operators.IndexSelect"/>
    public Tensor IndexSelect(int axis, Tensor index) => Operators.IndexSelect(this, axis, index);

    /// <inheritdoc cref="Operators.ScatterAdd"/>
    public Tensor ScatterAdd(int axis, Tensor index, Tensor source) => Operators.ScatterAdd(this, axis, index, source);

    /// <inheritdoc cref="Operators.ArgMax"/>
    public Tensor ArgMax(int? axis = null, bool keepDim = false) => Operators.ArgMax(this, axis, keepDim);

    /// <inheritdoc cref="Operators.ArgMin"/>
    public Tensor ArgMin(int? axis = null, bool keepDim = false) => Operators.ArgMin(this, axis, keepDim);

    /// <inheritdoc cref="Operators.CumulativeSum"/>
    public Tensor CumulativeSum(int axis) => Operators.CumulativeSum(this, axis);

    /// <inheritdoc cref="Operators.Sort"/>
    public (Tensor Values, Tensor Indices) Sort(int axis = -1, bool descending = false) => Operators.Sort(this, axis, descending);

    /// <inheritdoc cref="Operators.TopK"/>
    public (Tensor Values, Tensor Indices) TopK(int count, int axis = -1, bool largest = true) => Operators.TopK(this, count, axis, largest);
}
