using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>Broadcasting as PyTorch has it: shapes are aligned at their last axis, and an axis of length one, or one that is absent, is repeated.</summary>
internal static class BroadcastLayout
{
    private const int FewAxes = 16;

    /// <summary>The shape that both are broadcast to.</summary>
    /// <exception cref="ArgumentException">Two lengths differ and neither is one.</exception>
    public static Shape Common(Shape a, Shape b, string rightName)
    {
        if (a == b)
            return a;
        int rank = Math.Max(a.Rank, b.Rank);
        Span<int> lengths = rank <= FewAxes ? stackalloc int[FewAxes] : new int[rank];
        lengths = lengths[..rank];
        for (int axis = 0; axis < rank; axis++)
        {
            int l = Length(a, axis, rank), r = Length(b, axis, rank);
            if (l != r && l != 1 && r != 1)
                throw Arguments.Wrong(
                    rightName, $"has shape {b}, which cannot be broadcast with {a}: counted from the last axis, lengths must be equal or one of them 1.");
            lengths[axis] = l == 1 ? r : l;
        }

        // A shape that is there already costs no memory.
        return lengths.SequenceEqual(a.Lengths) ? a : lengths.SequenceEqual(b.Lengths) ? b : new Shape(lengths);
    }

    /// <summary>How a kernel walks the output and its operands, neighbouring axes that every operand walks alike put together. Allocates nothing.</summary>
    /// <exception cref="ArgumentException">
    /// More than <see cref="BroadcastAxes.Maximum"/> axes are left, or more rows than an int can count: kernels number rows with one.
    /// </exception>
    public static BroadcastWalk Walk(Shape output, Shape first, Shape second, Shape third)
    {
        var walk = new BroadcastWalk { Axes = { Length1 = 1, Length2 = 1, Length3 = 1, Length4 = 1 } };
        if (first == output && second == output && third == output && output.Count <= int.MaxValue)
        {
            walk.Inner = output.Count;
            walk.First.Inner = walk.Second.Inner = walk.Third.Inner = 1;
            return walk;
        }

        // One more than fit: what is too much is counted there.
        Span<int> lengths = stackalloc int[BroadcastAxes.Maximum + 1];
        Span<long> a = stackalloc long[BroadcastAxes.Maximum + 1], b = stackalloc long[a.Length], c = stackalloc long[a.Length];
        lengths.Fill(1);
        int count = Merge(output, first, second, third, lengths, a, b, c);
        if (count > BroadcastAxes.Maximum)
        {
            throw new ArgumentException(
                $"Broadcasting to {output} needs {count} separate axes, but at most {BroadcastAxes.Maximum} are possible. Reshape neighbouring axes into one.");
        }

        walk.Inner = lengths[0];
        if (output.Count / walk.Inner > int.MaxValue)
        {
            throw new ArgumentException(
                $"Broadcasting to {output} needs {output.Count / walk.Inner:N0} rows of {walk.Inner:N0}, but kernels count {int.MaxValue:N0}. "
                + "Compute it in parts.");
        }

        walk.Axes = new BroadcastAxes { Length4 = lengths[1], Length3 = lengths[2], Length2 = lengths[3], Length1 = lengths[4] };
        walk.First = Strides(a);
        walk.Second = Strides(b);
        walk.Third = Strides(c);
        return walk;

        static BroadcastStrides Strides(Span<long> s)
            => new() { Inner = (int)s[0], Stride4 = s[1], Stride3 = s[2], Stride2 = s[3], Stride1 = s[4], Stride0 = s[5] };
    }

    // Lengths and strides of the merged axes, innermost first; returns how many there are, of which all beyond the spans' end share the last place.
    private static int Merge(Shape output, Shape first, Shape second, Shape third, Span<int> lengths, Span<long> a, Span<long> b, Span<long> c)
    {
        int count = 0;
        long nextA = 1, nextB = 1, nextC = 1;
        for (int axis = output.Rank - 1; axis >= 0; axis--)
        {
            if (output[axis] == 1)
                continue;
            long stepA = Step(first, axis, output.Rank, ref nextA);
            long stepB = Step(second, axis, output.Rank, ref nextB);
            long stepC = Step(third, axis, output.Rank, ref nextC);
            int last = Math.Min(count, lengths.Length) - 1;
            if (count > 0 && (long)lengths[last] * output[axis] <= int.MaxValue
                && stepA == a[last] * lengths[last] && stepB == b[last] * lengths[last] && stepC == c[last] * lengths[last])
            {
                lengths[last] *= output[axis];
                continue;
            }

            int place = Math.Min(count++, lengths.Length - 1);
            (lengths[place], a[place], b[place], c[place]) = (output[axis], stepA, stepB, stepC);
        }

        return count;

        static long Step(Shape operand, int axis, int rank, ref long next)
        {
            int length = Length(operand, axis, rank);
            long step = length == 1 ? 0 : next;
            next *= length;
            return step;
        }
    }

    /// <summary>
    /// The sum of <paramref name="gradient"/> over the axes along which a tensor of <paramref name="shape"/> was broadcast; in float32, in a fixed order.
    /// </summary>
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
        SumRowsArguments.Definition.Run(input.Device, arguments);
        arguments.Partial.Dispose();
        return output;
    }

    private static int Length(Shape shape, int axis, int rank) => axis < rank - shape.Rank ? 1 : shape[axis - (rank - shape.Rank)];
}
