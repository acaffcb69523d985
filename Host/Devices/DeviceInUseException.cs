namespace GpuTransformer.Host;

/// <summary>
/// A thread used a device while another was using it, or while another had a step, a tape or training open on it; the message names both. Nothing was launched
/// and nothing was lost: once the other is done, the device can be used again. See <see cref="ComputeDevice"/> for who may use a device when.
/// </summary>
public sealed class DeviceInUseException : InvalidOperationException
{
    /// <summary>An exception with no message.</summary>
    public DeviceInUseException()
    {
    }

    /// <summary>An exception that names both threads.</summary>
    public DeviceInUseException(string message)
        : base(message)
    {
    }

    /// <summary>An exception that names both threads, with a cause.</summary>
    public DeviceInUseException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
