using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Positions as the modules compute with them: float32, with an axis for the samples.</summary>
internal static class PositionTensors
{
    /// <summary>first, first + 1, …: [1, count]</summary>
    public static Tensor Counted(ComputeDevice device, int first, int count)
        => Tensor.From(device, [1, count], [.. Enumerable.Range(first, count).Select(static n => (float)n)]);

    /// <summary>Given positions [count] or [batch, count], integers or real numbers, as [1 or batch, count].</summary>
    /// <param name="given">What the caller passed.</param>
    /// <param name="batch">Samples.</param>
    /// <param name="count">Positions of each.</param>
    /// <param name="name">The argument.</param>
    /// <param name="of">What they are positions of.</param>
    public static Tensor Given(Tensor given, int batch, int count, string name, Shape of)
    {
        if ((given.Shape != new Shape(count) && given.Shape != new Shape(batch, count)) || given.DType == DType.Bool)
            throw ForwardChecks.Wrong(
                name, $"'{name}' is {given.DType} {given.Shape}, but positions for {of} are numbers [{count}] or [{batch}, {count}].");
        Shape shape = [given.Shape.Rank == 1 ? 1 : batch, count];
        return given.DType == DType.Float32 ? given.Detach().Reshape(shape) : Tensor.From(given.Device, shape, given.ToArray());
    }
}
