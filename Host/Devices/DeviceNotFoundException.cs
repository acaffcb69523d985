namespace GpuTransformer.Host;

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
