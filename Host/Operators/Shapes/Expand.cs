namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// The input repeated along axes of length one and along new axes in front, as PyTorch's <c>expand</c>; a copy, for tensors are contiguous.
    /// </summary>
    /// <param name="input">Any data type; recorded only where it holds real numbers.</param>
    /// <param name="shape">The shape of the result: counted from the last axis, each length is the input's, or the input's is 1 or absent.</param>
    /// <exception cref="ArgumentException">The input cannot be broadcast to that shape; nothing was launched.</exception>
    public static Tensor Expand(Tensor input, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.Check(input.Device, input);
        bool fits = input.Shape.Rank <= shape.Rank;
        for (int k = 1; fits && k <= input.Shape.Rank; k++)
            fits = input.Shape[^k] == 1 || input.Shape[^k] == shape[^k];
        if (!fits)
            throw Arguments.Wrong(
                nameof(shape), $"is {shape}, but {input.Shape} cannot be broadcast to it: counted from the last axis, lengths must be equal or the input's 1.");
        Tensor output = ExpandArguments(input, shape).Run();
        if (input.Device.Records(input))
            Record(input, output);
        return output;

        static void Record(Tensor input, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, BroadcastLayout.SumTo(gradient, input.Shape)));
    }

    internal static StridedCopyArguments ExpandArguments(Tensor input, Shape shape)
        => StridedCopyArguments.From(input, shape, StridedLayout.Steps(input.Shape, shape));
}
