namespace GpuTransformer.Host;

/// <summary>
/// A driver reported an error: a kernel wrote where it may not, a device was lost, a driver ran into its own limits. The message says what was being done and
/// which kernels were launched last; the inner exception is the driver's. That there is no room for a tensor is an <see cref="InsufficientMemoryException"/>
/// instead.
/// </summary>
public sealed class DeviceFailedException : Exception
{
    /// <summary>An exception with no message.</summary>
    public DeviceFailedException()
    {
    }

    /// <summary>An exception that says what failed.</summary>
    public DeviceFailedException(string message)
        : base(message)
    {
    }

    /// <summary>An exception that says what failed, and what the driver said.</summary>
    public DeviceFailedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
