namespace GpuTransformer.Host;

/// <summary>One block of device memory, shared by all tensors that view it and returned to the pool when the last of them is disposed.</summary>
/// <remarks>All of it happens within an operation or between two, so nothing here is shared by threads.</remarks>
internal sealed class DeviceBuffer(MemoryPool pool, DeviceAllocation allocation) : IDeviceDuty
{
    private int _references;

    public DeviceAllocation Allocation { get; } = allocation;

    /// <summary>What the host wrote last; null where that were no integers, or something else was written since.</summary>
    public WrittenIntegers? Integers { get; set; }

    /// <summary>How often it was written in place.</summary>
    public int Version { get; set; }

    /// <summary>Where it is among the idle blocks of the pool: those of its size, and all of them by age.</summary>
    public IdleLinks Idle;

    public void AddReference() => _references++;

    /// <summary>A tensor that views the block was disposed.</summary>
    public void Perform()
    {
        if (--_references == 0)
        {
            Integers = null;
            pool.Return(this);
        }
    }
}

/// <summary>Memory as the backend sees it.</summary>
internal abstract class DeviceAllocation(long bytes) : IDisposable
{
    /// <summary>The size asked of the driver.</summary>
    public long Bytes { get; } = bytes;

    public abstract void Dispose();
}
