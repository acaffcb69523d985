using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What all reductions share: the axes are brought together as the middle one of three, and the result gets its shape.</summary>
internal static class Reduction
{
    /// <summary>Reduces over the axes. All steps but <paramref name="reduce"/>, which records itself, are operators that do.</summary>
    /// <param name="input">Real numbers.</param>
    /// <param name="axes">The axes; all if none is named.</param>
    /// <param name="keepDim">Whether each axis stays, one long.</param>
    /// <param name="reduce">From [outer, length, inner] to [outer, inner].</param>
    /// <param name="needsElements">Whether an axis of length zero is an error.</param>
    public static Tensor Over(Tensor input, Axes axes, bool keepDim, Func<Tensor, Tensor> reduce, bool needsElements = false)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        Shape shape = input.Shape;
        bool[] reduced = axes.Of(shape, nameof(axes));
        int[] order = [.. Enumerable.Range(0, shape.Rank)], chosen = [.. order.Where(axis => reduced[axis])], kept = [.. order.Where(axis => !reduced[axis])];
        Shape result = keepDim ? [.. order.Select(axis => reduced[axis] ? 1 : shape[axis])] : [.. kept.Select(axis => shape[axis])];
        int length = Product(chosen);
        if (needsElements && length == 0 && result.Count > 0)
            throw Arguments.Wrong(nameof(input), $"has shape {shape}, but no elements have no largest or smallest: each axis that is reduced needs a length.");
        int first = chosen.Length == 0 ? shape.Rank : chosen[0];
        bool together = chosen.Length == 0 || chosen[^1] - first + 1 == chosen.Length;
        Tensor moved = together ? input : Operators.Permute(input, [.. kept, .. chosen]);
        int inner = together ? Product(kept.Where(axis => axis > first)) : 1;
        Tensor rows = moved.Reshape(
            [Product(kept.Where(axis => !together || axis < first)), length, inner]), flat = reduce(rows), output = flat.Reshape(result);
        if (!input.Device.Records(output))
        {
            rows.Dispose();
            flat.Dispose();
            if (!together)
                moved.Dispose();
        }

        return output;

        int Product(IEnumerable<int> some) => some.Aggregate(1, (product, axis) => checked(product * shape[axis]));
    }

    /// <summary>One reduction over the middle axis, not recorded.</summary>
    public static Tensor Compute<TReduction>(OperatorDefinition<ReduceArguments<TReduction>> definition, Tensor input, Tensor? centre, float scale, DType dtype)
        where TReduction : unmanaged, IReduction<TReduction>
    {
        ReduceArguments<TReduction> arguments = ReduceArguments<TReduction>.Create(input, centre, scale, dtype);
        if (arguments.Output.Shape.Count > 0)
            definition.Run(input.Device, arguments);
        arguments.Partial.Dispose();
        return arguments.Output;
    }

    /// <summary>The way back to [outer, length, inner].</summary>
    public static void Accumulate<TGradient>(
        OperatorDefinition<ReduceBackwardArguments<TGradient>> definition, Tensor input, Tensor gradient, Tensor? centre, Tensor? ties, float scale)
        where TGradient : unmanaged, IReductionGradient<TGradient>
    {
        var arguments = new ReduceBackwardArguments<TGradient>(gradient, input, centre, ties, Tensor.Empty(input.Device, input.Shape, input.DType), scale);
        if (input.Shape.Count > 0)
            definition.Run(input.Device, arguments);
        GradientTape.Accumulate(input, arguments.Output);
    }
}
