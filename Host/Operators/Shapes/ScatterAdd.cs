using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// y = x, plus each element of the source where the index says, along an axis: y[…, index[…, k, …], …] += source[…, k, …], as PyTorch's
    /// <c>scatter_add</c>. Sums are float32, in a fixed order.
    /// </summary>
    /// <param name="input">x: real numbers.</param>
    /// <param name="axis">The axis; a negative one is counted from the end.</param>
    /// <param name="index">
    /// Int32 or Int64, each in [0, the axis's length); of the input's rank, along every other axis no longer than the input.
    /// </param>
    /// <param name="source">Of the input's data type, along every axis at least as long as the index; what is beyond it is not read.</param>
    /// <returns>A tensor of the input's shape and data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or an index is out of range; nothing was launched.</exception>
    /// <remarks>Waits for the device in order to check the indices, unless the host wrote them.</remarks>
    public static Tensor ScatterAdd(Tensor input, int axis, Tensor index, Tensor source)
    {
        AxisRows rows = GatherChecks.Along(input, axis, index, nameof(index));
        Arguments.CheckFloating(input.Device, input);
        Arguments.Check(input.Device, source, input.DType);
        bool covers = source.Shape.Rank == index.Shape.Rank;
        for (int k = 0; covers && k < index.Shape.Rank; k++)
            covers = source.Shape[k] >= index.Shape[k];
        if (!covers)
            throw Arguments.Wrong(nameof(source), $"has shape {source.Shape}, but the index {index.Shape} reads as many axes, each as long at least.");
        CopyRowsOperator.CheckIndices(index, rows.Length, nameof(index), $"axis {rows.Axis} of {input.Shape} is");
        for (int k = 0; k < index.Shape.Rank; k++)
        {
            if (source.Shape[k] != index.Shape[k])
                source = Narrow(source, k, 0, index.Shape[k]);
        }

        Shape reached = rows.With(index.Shape, rows.Length);
        if (reached == input.Shape)
            return Scatter(input, rows.Axis, index, source);

        // Beyond the index the input stays as it is: what is added there is nothing.
        Tensor added = Scatter(Tensor.Zeros(input.Device, reached, input.DType), rows.Axis, index, source);
        for (int k = 0; k < reached.Rank; k++)
        {
            int missing = input.Shape[k] - added.Shape[k];
            if (missing > 0)
            {
                int[] lengths = added.Shape.Lengths.ToArray();
                lengths[k] = missing;
                added = Concatenate([added, Tensor.Zeros(input.Device, lengths, input.DType)], k);
            }
        }

        return Add(input, added);
    }

    private static Tensor Scatter(Tensor input, int axis, Tensor index, Tensor source)
    {
        Tensor output = ScatterAxisArguments.Add(input, axis, index, source);
        if (input.Device.Records(input, source))
            Record(input, axis, index, source, output);
        return output;

        static void Record(Tensor input, int axis, Tensor index, Tensor source, Tensor output) => input.Device.Record(
            output,
            gradient =>
            {
                if (GradientTape.Wants(input))
                    GradientTape.Accumulate(input, gradient);
                if (GradientTape.Wants(source))
                    GradientTape.Accumulate(source, GatherChecked(gradient, axis, index));
            },
            index);
    }
}

/// <summary>
/// What a ScatterAxis variant is given: input: float32 [outer, length, inner]; source: float32 [outer, count, inner]; index: Int32 or Int64; output: float32,
/// of the input's shape; steps: How the index lies along outer, count and inner.
/// </summary>
[Operator("ScatterAxis", "y[j] = x[j] + Σ source[k] over index[k] = j")]
[Variant(typeof(ScatterAxisVectorized), "the sources in order, some rows per block")]
[Variant(typeof(ScatterAxisPortable), "one thread per element of the output")]
internal readonly partial record struct ScatterAxisArguments(
    Tensor Input, Tensor Source, Tensor Index, Tensor Output, IndexSteps Steps, int Outer, int Length, int Count, int Inner)
{
    public int IndexStride => Index.DType == DType.Int64 ? 2 : 1;

    /// <summary>The input with the source added to it, in the input's data type; not recorded.</summary>
    /// <param name="input">Real numbers.</param>
    /// <param name="axis">The axis, counted from the first.</param>
    /// <param name="index">Of the source's shape, or one list for all rows.</param>
    /// <param name="source">Of the input's shape but for the axis.</param>
    public static Tensor Add(Tensor input, int axis, Tensor index, Tensor source)
    {
        Tensor output = Tensor.Empty(input.Device, input.Shape);
        ScatterAxisArguments arguments = Create(AxisRows.Wide(input), axis, index, AxisRows.Wide(source), output);
        if (output.Shape.Count > 0)
            Definition.Run(input.Device, arguments);
        return AxisRows.Narrow(output, input.DType);
    }

    /// <summary>The arguments for float32 tensors.</summary>
    public static ScatterAxisArguments Create(Tensor input, int axis, Tensor index, Tensor source, Tensor output)
    {
        var rows = AxisRows.Of(input.Shape, axis, nameof(axis));
        int count = source.Shape[axis];
        IndexSteps steps = index.Shape.Rank == 1 && source.Shape.Rank > 1
            ? new IndexSteps { Middle = 1 }
            : new IndexSteps { Outer = (long)count * rows.Inner, Middle = rows.Inner, Inner = 1 };
        return new ScatterAxisArguments(input, source, index, output, steps, rows.Outer, rows.Length, count, rows.Inner);
    }
}
