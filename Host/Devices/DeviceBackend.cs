namespace GpuTransformer.Host;

/// <summary>What differs between a processor and an ILGPU accelerator: where memory is and how it is copied.</summary>
internal abstract class DeviceBackend : IDisposable
{
    public abstract DeviceAllocation Allocate(long bytes);

    public abstract void Write(DeviceAllocation target, long offset, ReadOnlySpan<byte> source);

    public abstract void Read(DeviceAllocation source, long offset, Span<byte> target);

    public abstract void Clear(DeviceAllocation target, long offset, long bytes);

    public abstract void Copy(DeviceAllocation source, long sourceOffset, DeviceAllocation target, long targetOffset, long bytes);

    public abstract void Synchronize();

    public abstract void Dispose();
}
