namespace GpuTransformer.Host;

/// <summary>One device of this machine, or the reason why a kind of device is missing.</summary>
/// <param name="Id">
/// How it is asked for: <c>cpu</c>, <c>cuda:0</c>, <c>opencl:0</c>; <c>cuda</c> or <c>opencl</c> alone where that whole kind is missing.
/// </param>
/// <param name="Kind">What runs the kernels.</param>
/// <param name="Name">What the driver calls it.</param>
/// <param name="MemoryBytes">How much memory it reports; 0 when unknown.</param>
/// <param name="Units">Cores or multiprocessors; 0 when unknown.</param>
/// <param name="IsGpu">Whether it is a graphics processor or another accelerator rather than a processor.</param>
/// <param name="UnavailableReason">Null when it can be used; otherwise why not, and what would help, in plain words.</param>
/// <param name="Note">What is worth knowing about a device that can be used; null for nothing.</param>
public sealed record DeviceDescription(
    string Id, DeviceKind Kind, string Name, long MemoryBytes, int Units, bool IsGpu, string? UnavailableReason = null, string? Note = null)
{
    /// <summary>Whether <see cref="ComputeDevice.Create"/> would open it.</summary>
    public bool IsAvailable => UnavailableReason is null;
}
