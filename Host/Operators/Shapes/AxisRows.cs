using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>A tensor seen as [outer, length, inner], the middle axis being the one that an operator walks.</summary>
internal readonly record struct AxisRows(int Axis, int Outer, int Length, int Inner)
{
    public static AxisRows Of(Shape shape, int axis, string name)
    {
        int along = StridedLayout.Axis(shape, axis, name), outer = 1, inner = 1;
        for (int k = 0; k < along; k++)
            outer = checked(outer * shape[k]);
        for (int k = along + 1; k < shape.Rank; k++)
            inner = checked(inner * shape[k]);
        return new AxisRows(along, outer, shape[along], inner);
    }

    /// <summary>How many rows there are.</summary>
    public int Rows => checked(Outer * Inner);

    /// <summary>The shape with the axis as long as <paramref name="length"/>.</summary>
    public Shape With(Shape shape, int length)
    {
        int[] lengths = shape.Lengths.ToArray();
        lengths[Axis] = length;
        return lengths;
    }

    /// <summary>The shape without the axis, or with the axis one long.</summary>
    public Shape Without(Shape shape, bool keepDim)
    {
        int axis = Axis;
        return keepDim ? With(shape, 1) : [.. shape.Lengths.ToArray().Where((_, k) => k != axis)];
    }

    /// <summary>The tensor's numbers as float32: itself, or a copy that is not recorded.</summary>
    public static Tensor Wide(Tensor tensor)
    {
        if (tensor.DType == DType.Float32)
            return tensor;
        using StepScope pause = tensor.Device.NoGradient();
        return Operators.Cast(tensor, DType.Float32);
    }

    /// <summary>A result of float32 numbers in the data type that is asked for, not recorded.</summary>
    public static Tensor Narrow(Tensor wide, DType dtype)
    {
        if (dtype == DType.Float32)
            return wide;
        using StepScope pause = wide.Device.NoGradient();
        return Operators.Cast(wide, dtype);
    }
}
