namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Overwrites <paramref name="target"/> with the bits of <paramref name="source"/>, which has the same shape and data type.</summary>
    /// <exception cref="ArgumentException">A shape, device or data type differs; nothing was copied.</exception>
    public static void CopyInto(Tensor target, Tensor source)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(source);
        ComputeDevice device = target.Device;
        Arguments.Check(device, target);
        Arguments.Check(device, source, target.DType);
        Arguments.CheckShape(source, target.Shape, "copying into the target");
        source.CopyBitsTo(target);
    }
}
