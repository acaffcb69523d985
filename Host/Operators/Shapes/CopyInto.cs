namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// Overwrites a part of a tensor: target[…, start + i, …] = source[…, i, …] along an axis. The rest stays as it is. Nothing of it is recorded, so neither
    /// tensor may be one that a gradient is wanted of.
    /// </summary>
    /// <param name="target">Any shape and data type.</param>
    /// <param name="axis">The axis; a negative one is counted from the end.</param>
    /// <param name="start">Where the part begins.</param>
    /// <param name="source">As the target, but for the axis, along which it must fit in behind <paramref name="start"/>.</param>
    /// <returns><paramref name="target"/></returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    /// <exception cref="InvalidOperationException">A gradient is wanted of one of them.</exception>
    public static Tensor CopyInto(Tensor target, int axis, int start, Tensor source)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(source);
        ObjectDisposedException.ThrowIf(target.IsDisposed, target);
        Arguments.Check(target.Device, source, target.DType);
        axis = StridedLayout.Axis(target.Shape, axis, nameof(axis));
        bool fits = source.Shape.Rank == target.Shape.Rank;
        for (int i = 0; fits && i < target.Shape.Rank; i++)
            fits = i == axis || source.Shape[i] == target.Shape[i];
        if (!fits || start < 0 || start > target.Shape[axis] - source.Shape[axis])
        {
            throw Arguments.Wrong(
                nameof(source), $"has shape {source.Shape}, which does not fit into the target {target.Shape} from {start} on along axis {axis}.");
        }

        if (target.Device.Records(source, target))
            throw new InvalidOperationException("CopyInto overwrites numbers that a gradient is wanted of; detach the tensors, or pause recording.");
        StridedCopyArguments.Into(source, target, axis, start).Run();
        return target;
    }
}
