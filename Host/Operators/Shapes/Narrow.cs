namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>A stretch of an axis, as PyTorch's <c>narrow</c>: y[…, r, …] = x[…, start + r, …]; a copy, for tensors are contiguous.</summary>
    /// <param name="input">Any shape with an axis, any data type.</param>
    /// <param name="axis">The axis; a negative one is counted from the end.</param>
    /// <param name="start">Where the stretch begins; a negative one is counted from the axis's end.</param>
    /// <param name="length">How long it is; start + length ≤ the axis's length.</param>
    /// <exception cref="ArgumentException">There is no such axis, or the stretch is not all there; nothing was launched.</exception>
    public static Tensor Narrow(Tensor input, int axis, int start, int length)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.Check(input.Device, input);
        int along = StridedLayout.Axis(input.Shape, axis, nameof(axis)), all = input.Shape[along], first = start < 0 ? start + all : start;
        if (first < 0 || first > all)
            throw Arguments.Wrong(nameof(start), $"is {start}, but axis {along} of {input.Shape} is {all} long.");
        if (length < 0 || length > all - first)
            throw Arguments.Wrong(nameof(length), $"is {length}, but axis {along} of {input.Shape} has {all - first} left from {first} on.");
        Tensor output = NarrowArguments(input, along, first, length).Run();
        if (input.Device.Records(input))
            Record(input, along, first, output);
        return output;

        static void Record(Tensor input, int axis, int start, Tensor output) => input.Device.Record(output, gradient =>
        {
            Tensor whole = Tensor.Zeros(gradient.Device, input.Shape, gradient.DType);
            GradientTape.Accumulate(input, StridedCopyArguments.Into(gradient, whole, axis, start).Run());
        });
    }

    internal static StridedCopyArguments NarrowArguments(Tensor input, int axis, int start, int length)
    {
        int[] lengths = input.Shape.Lengths.ToArray();
        lengths[axis] = length;
        long[] steps = StridedLayout.Steps(input.Shape);
        return StridedCopyArguments.From(input, lengths, steps, start * steps[axis]);
    }
}
