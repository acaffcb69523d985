namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The input with its axes in another order, as PyTorch's <c>permute</c>; a copy, for tensors are contiguous.</summary>
    /// <param name="input">Any shape and data type; with at most six axes that cannot be put together with a neighbour.</param>
    /// <param name="axes">For each axis of the result which axis of the input it is; each once. Negative ones are counted from the end.</param>
    /// <exception cref="ArgumentException">An axis is missing, there twice or not one of the input's; nothing was launched.</exception>
    public static Tensor Permute(Tensor input, params ReadOnlySpan<int> axes)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.Check(input.Device, input);
        int rank = input.Shape.Rank;
        if (axes.Length != rank)
            throw Arguments.Wrong(nameof(axes), $"names {axes.Length} axes, but the input {input.Shape} has {rank}; name each once.");
        var order = new int[rank];
        for (int k = 0; k < rank; k++)
        {
            order[k] = StridedLayout.Axis(input.Shape, axes[k], nameof(axes));
            if (Array.IndexOf(order, order[k], 0, k) >= 0)
                throw Arguments.Wrong(nameof(axes), $"names axis {order[k]} twice; name each axis of the input {input.Shape} once.");
        }

        Tensor output = PermuteArguments(input, order).Run();
        if (input.Device.Records(input))
            Record(input, order, output);
        return output;

        static void Record(Tensor input, int[] order, Tensor output)
        {
            var inverse = new int[order.Length];
            for (int k = 0; k < order.Length; k++)
                inverse[order[k]] = k;
            input.Device.Record(output, gradient => GradientTape.Accumulate(input, Permute(gradient, inverse)));
        }
    }

    /// <summary>The input with two axes exchanged, as PyTorch's <c>transpose</c>; a copy, for tensors are contiguous.</summary>
    /// <param name="input">Any shape and data type.</param>
    /// <param name="first">One axis; a negative one is counted from the end.</param>
    /// <param name="second">The other.</param>
    /// <exception cref="ArgumentException">The input has no such axis; nothing was launched.</exception>
    public static Tensor Transpose(Tensor input, int first, int second)
    {
        ArgumentNullException.ThrowIfNull(input);
        int a = StridedLayout.Axis(input.Shape, first, nameof(first)), b = StridedLayout.Axis(input.Shape, second, nameof(second));
        int[] order = [.. Enumerable.Range(0, input.Shape.Rank)];
        (order[a], order[b]) = (order[b], order[a]);
        return Permute(input, order);
    }

    internal static StridedCopyArguments PermuteArguments(Tensor input, int[] order)
    {
        Shape shape = input.Shape;
        long[] steps = StridedLayout.Steps(shape);
        return StridedCopyArguments.From(input, Array.ConvertAll(order, axis => shape[axis]), Array.ConvertAll(order, axis => steps[axis]));
    }
}
