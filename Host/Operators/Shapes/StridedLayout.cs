using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>How tensors lie in memory along axes that several of them walk together, and the axes' numbers.</summary>
internal static class StridedLayout
{
    /// <summary>The axis counted from the first: a negative one is counted from the end.</summary>
    /// <exception cref="ArgumentException">There is no such axis.</exception>
    public static int Axis(Shape shape, int axis, string name)
    {
        int rank = shape.Rank;
        if (axis < -rank || axis >= rank)
        {
            throw Arguments.Wrong(
                name,
                rank == 0 ? $"is {axis}, but the shape {shape} has no axis."
                    : $"is {axis}, but the shape {shape} has the axes 0 to {rank - 1}, or −{rank} to −1 counted from the end.");
        }

        return axis < 0 ? axis + rank : axis;
    }

    /// <summary>How far apart neighbours along each axis of a contiguous tensor are.</summary>
    public static long[] Steps(Shape shape)
    {
        var steps = new long[shape.Rank];
        long step = 1;
        for (int axis = steps.Length - 1; axis >= 0; axis--)
        {
            steps[axis] = step;
            step *= shape[axis];
        }

        return steps;
    }

    /// <summary>How far apart neighbours along the axes of <paramref name="output"/> are in a contiguous tensor that is broadcast to it.</summary>
    public static long[] Steps(Shape shape, Shape output)
    {
        long[] own = Steps(shape), steps = new long[output.Rank];
        for (int axis = 0; axis < own.Length; axis++)
            steps[output.Rank - own.Length + axis] = shape[axis] == 1 ? 0 : own[axis];
        return steps;
    }

    /// <summary>
    /// The axes as a kernel reads them, and each operand's steps along them. Axes of length one are left out, and neighbours that every operand walks alike put
    /// together.
    /// </summary>
    /// <exception cref="ArgumentException">More than <see cref="StridedLengths.Maximum"/> axes are left.</exception>
    public static StridedLengths Merge(ReadOnlySpan<int> axes, Span<StridedSteps> merged, params ReadOnlySpan<long[]> operands)
    {
        var lengths = new List<long>();
        var steps = new List<long[]>();
        for (int axis = axes.Length - 1; axis >= 0; axis--)
        {
            if (axes[axis] == 1)
                continue;
            var own = new long[operands.Length];
            bool joins = lengths.Count > 0;
            for (int k = 0; k < operands.Length; k++)
            {
                own[k] = operands[k][axis];
                joins = joins && own[k] == steps[^1][k] * lengths[^1];
            }

            if (joins)
            {
                lengths[^1] *= axes[axis];
                continue;
            }

            lengths.Add(axes[axis]);
            steps.Add(own);
        }

        if (lengths.Count > StridedLengths.Maximum)
            throw new ArgumentException(
                $"The shape {new Shape(axes)} needs {lengths.Count} separate axes here, but at most {StridedLengths.Maximum} are possible. "
                + "Reshape neighbouring axes into one.");
        for (int k = 0; k < operands.Length; k++)
        {
            merged[k] = merged[k] with
            {
                Step5 = Step(0, k), Step4 = Step(1, k), Step3 = Step(2, k), Step2 = Step(3, k), Step1 = Step(4, k), Step0 = Step(5, k),
            };
        }

        return new StridedLengths { Length5 = Length(0), Length4 = Length(1), Length3 = Length(2), Length2 = Length(3), Length1 = Length(4) };

        long Length(int i) => i < lengths.Count ? lengths[i] : 1;

        long Step(int i, int k) => i < steps.Count ? steps[i][k] : 0;
    }
}
