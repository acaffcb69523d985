using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>Broadcasting as PyTorch has it: shapes are aligned at their last axis, and an axis of length one, or one that is absent, is repeated.</summary>
internal static class BroadcastLayout
{
    /// <summary>The shape that both are broadcast to.</summary>
    /// <exception cref="ArgumentException">Two lengths differ and neither is one.</exception>
    public static Shape Common(Tensor left, Tensor right, string rightName)
    {
        Shape a = left.Shape, b = right.Shape;
        if (a == b)
            return a;
        var lengths = new int[Math.Max(a.Rank, b.Rank)];
        for (int axis = 0; axis < lengths.Length; axis++)
        {
            int l = Length(a, axis, lengths.Length), r = Length(b, axis, lengths.Length);
            if (l != r && l != 1 && r != 1)
                throw Arguments.Wrong(rightName, $"has shape {b}, which cannot be broadcast with {a}: counted from the last axis, lengths must be equal or one of them 1.");
            lengths[axis] = l == 1 ? r : l;
        }

        return new Shape(lengths);
    }

    /// <summary>
    /// The output's axes, innermost last, neighbours that every operand walks alike put together, and each operand's strides along them.
    /// </summary>
    /// <exception cref="ArgumentException">More than <see cref="BroadcastAxes.Maximum"/> axes are left.</exception>
    public static (int[] Lengths, long[][] Strides) Merge(Shape output, ReadOnlySpan<Shape> operands)
    {
        var lengths = new List<int>();
        var strides = new List<long>[operands.Length];
        var next = new long[operands.Length];
        for (int k = 0; k < operands.Length; k++)
            (strides[k], next[k]) = ([], 1);
        for (int axis = output.Rank - 1; axis >= 0; axis--)
        {
            if (output[axis] == 1)
                continue;
            bool joins = lengths.Count > 0 && (long)lengths[^1] * output[axis] <= int.MaxValue;
            var step = new long[operands.Length];
            for (int k = 0; k < operands.Length; k++)
            {
                step[k] = Length(operands[k], axis, output.Rank) == 1 ? 0 : next[k];
                next[k] *= Length(operands[k], axis, output.Rank);
                joins = joins && step[k] == strides[k][^1] * lengths[^1];
            }

            if (joins)
            {
                lengths[^1] *= output[axis];
                continue;
            }

            lengths.Add(output[axis]);
            for (int k = 0; k < operands.Length; k++)
                strides[k].Add(step[k]);
        }

        if (lengths.Count > BroadcastAxes.Maximum)
            throw new ArgumentException($"Broadcasting to {output} needs {lengths.Count} separate axes, but at most {BroadcastAxes.Maximum} are possible. Reshape neighbouring axes into one.");
        return ([.. lengths], Array.ConvertAll(strides, static s => s.ToArray()));
    }

    /// <summary>The middle axes as a kernel reads them.</summary>
    public static BroadcastAxes Axes(int[] lengths)
        => new() { Length4 = At(lengths, 1), Length3 = At(lengths, 2), Length2 = At(lengths, 3), Length1 = At(lengths, 4) };

    /// <summary>An operand's strides as a kernel reads them.</summary>
    public static BroadcastStrides Strides(long[] s)
        => new() { Inner = (int)At(s, 0), Stride4 = At(s, 1), Stride3 = At(s, 2), Stride2 = At(s, 3), Stride1 = At(s, 4), Stride0 = At(s, 5) };

    /// <summary>The sum of <paramref name="gradient"/> over the axes along which a tensor of <paramref name="shape"/> was broadcast; in float32, in a fixed order.</summary>
    public static Tensor SumTo(Tensor gradient, Shape shape)
    {
        if (gradient.Shape == shape)
            return gradient;
        if (gradient.Shape.Count == 0)
            return Tensor.Zeros(gradient.Device, shape, gradient.DType);
        int inner = 1, rank = gradient.Shape.Rank;
        Tensor sum = gradient;
        for (int axis = rank - 1; axis >= 0;)
        {
            int length = 1;
            bool repeated = IsRepeated(axis);
            for (; axis >= 0 && IsRepeated(axis) == repeated; axis--)
                length = checked(length * gradient.Shape[axis]);
            if (!repeated)
                inner = checked(inner * length);
            else if (length > 1)
                sum = SumRuns(sum, length, inner);
        }

        return sum.Reshape(shape);

        bool IsRepeated(int axis) => Length(shape, axis, rank) == 1;
    }

    // [outer, length, inner] to [outer, inner].
    private static Tensor SumRuns(Tensor input, int length, int inner)
    {
        int outer = checked((int)(input.Shape.Count / length / inner));
        Tensor rows = input.Reshape(inner == 1 ? [outer, length] : [checked(outer * length), inner]);
        Tensor output = Tensor.Empty(input.Device, [outer, inner], input.DType);
        SumRowsArguments arguments = SumRowsArguments.Create(rows, null, null, output, outer, inner);
        SumRowsOperator.Definition.Run(input.Device, arguments);
        arguments.Partial.Dispose();
        return output;
    }

    private static int Length(Shape shape, int axis, int rank) => axis < rank - shape.Rank ? 1 : shape[axis - (rank - shape.Rank)];

    private static int At(int[] values, int i) => i < values.Length ? values[i] : 1;

    private static long At(long[] values, int i) => i < values.Length ? values[i] : 0;
}
