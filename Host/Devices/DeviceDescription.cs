namespace GpuTransformer.Host;

/// <summary>One device of this machine, or the reason why a kind of device is missing.</summary>
/// <param name="Id">How it is asked for: <c>cpu</c>, <c>cuda:0</c>, <c>opencl:0</c>.</param>
/// <param name="Kind">What runs the kernels.</param>
/// <param name="Name">What the driver calls it.</param>
/// <param name="MemoryBytes">How much memory it reports; 0 when unknown.</param>
/// <param name="Units">Cores or multiprocessors; 0 when unknown.</param>
/// <param name="IsGpu">Whether it is a graphics processor or another accelerator rather than a processor.</param>
/// <param name="UnavailableReason">Null when it can be used; otherwise why not, and what would help, in plain words.</param>
public sealed record DeviceDescription(
    string Id, DeviceKind Kind, string Name, long MemoryBytes, int Units, bool IsGpu, string? UnavailableReason = null)
{
    /// <summary>Whether <see cref="ComputeDevice.Create"/> would open it.</summary>
    public bool IsAvailable => UnavailableReason is null;
}

/// <summary>The device that was asked for does not exist or cannot be used.</summary>
public sealed class DeviceNotFoundException : Exception
{
    /// <summary>An exception with no message.</summary>
    public DeviceNotFoundException()
    {
    }

    /// <summary>An exception that says what is missing.</summary>
    public DeviceNotFoundException(string message)
        : base(message)
    {
    }

    /// <summary>An exception that says what is missing, and what the driver said.</summary>
    public DeviceNotFoundException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
