namespace GpuTransformer.Host;

/// <summary>One block of device memory, shared by all tensors that view it and returned to the pool when the last of them is disposed.</summary>
internal sealed class DeviceBuffer(MemoryPool pool, DeviceAllocation allocation)
{
    private int _references;

    public DeviceAllocation Allocation { get; } = allocation;

    /// <summary>What the host wrote last; null where that were no integers, or something else was written since.</summary>
    public WrittenIntegers? Integers { get; set; }

    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
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
