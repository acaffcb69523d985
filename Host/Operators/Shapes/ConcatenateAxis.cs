namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Tensors joined along an axis, as PyTorch's <c>cat</c>.</summary>
    /// <param name="tensors">At least one, of one data type and of shapes that differ along the axis only.</param>
    /// <param name="axis">The axis; a negative one is counted from the end.</param>
    /// <returns>The axis is as long as those of the tensors together.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or there is no such axis; nothing was launched.</exception>
    public static Tensor Concatenate(IReadOnlyList<Tensor> tensors, int axis)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.Count == 0)
            throw Arguments.Wrong(nameof(tensors), "is empty, but at least one tensor is needed.");
        Tensor[] parts = [.. tensors];
        ArgumentNullException.ThrowIfNull(parts[0], nameof(tensors));
        ComputeDevice device = parts[0].Device;
        int along = StridedLayout.Axis(parts[0].Shape, axis, nameof(axis)), total = 0;
        int[] lengths = parts[0].Shape.Lengths.ToArray();
        foreach (Tensor part in parts)
        {
            Arguments.Check(device, part, parts[0].DType, nameof(tensors));
            int[] own = part.Shape.Lengths.ToArray();
            if (own.Length == lengths.Length)
            {
                total = checked(total + own[along]);
                own[along] = lengths[along];
            }

            if (!own.AsSpan().SequenceEqual(lengths))
                throw Arguments.Wrong(nameof(tensors), $"holds {part.Shape} beside {parts[0].Shape}, but shapes may differ along axis {along} only.");
        }

        lengths[along] = total;
        Tensor output = Tensor.Empty(device, lengths, parts[0].DType);
        int start = 0;
        bool recorded = false;
        foreach (Tensor part in parts)
        {
            StridedCopyArguments.Into(part, output, along, start).Run();
            start += part.Shape[along];
            recorded |= device.Records(part);
        }

        if (recorded)
            Record(parts, along, output);
        return output;

        static void Record(Tensor[] parts, int axis, Tensor output) => output.Device.Record(output, gradient =>
        {
            int start = 0;
            foreach (Tensor part in parts)
            {
                if (GradientTape.Wants(part))
                    GradientTape.Accumulate(part, Narrow(gradient, axis, start, part.Shape[axis]));
                start += part.Shape[axis];
            }
        });
    }
}
