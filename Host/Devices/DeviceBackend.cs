namespace GpuTransformer.Host;

/// <summary>What differs between a processor and an ILGPU accelerator: where memory is and how it is copied.</summary>
internal abstract class DeviceBackend : IDisposable
{
    /// <summary>The most bytes to copy to or from the host at a time.</summary>
    public virtual int LongestCopy => 1 << 30;

    /// <summary>Whether <see cref="Allocate"/> threw this because there is no room, so that giving memory back may help.</summary>
    public virtual bool IsOutOfMemory(Exception exception) => exception is OutOfMemoryException;

    /// <summary>Whether a driver reported this.</summary>
    public virtual bool IsDeviceError(Exception exception) => false;

    public abstract DeviceAllocation Allocate(long bytes);

    public abstract void Write(DeviceAllocation target, long offset, ReadOnlySpan<byte> source);

    public abstract void Read(DeviceAllocation source, long offset, Span<byte> target);

    public abstract void Clear(DeviceAllocation target, long offset, long bytes);

    public abstract void Copy(DeviceAllocation source, long sourceOffset, DeviceAllocation target, long targetOffset, long bytes);

    public abstract void Synchronize();

    public abstract void Dispose();
}
