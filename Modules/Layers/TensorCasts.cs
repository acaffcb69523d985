using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Mixed precision where there is no module to ask for its <see cref="Module.ComputeDType"/>.</summary>
internal static class TensorCasts
{
    /// <summary>The same numbers in the data type of <paramref name="other"/>: the tensor itself, or a cast that the tape records.</summary>
    public static Tensor Like(this Tensor value, Tensor other) => value.As(other.DType);

    /// <summary>The same numbers in a data type: the tensor itself, or a cast that the tape records.</summary>
    public static Tensor As(this Tensor value, DType dtype) => value.DType == dtype ? value : Operators.Cast(value, dtype);
}
