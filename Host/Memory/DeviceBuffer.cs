namespace GpuTransformer.Host;

/// <summary>
/// One block of device memory, shared by all tensors that view it and returned to the pool when the last of them is disposed, or when the garbage collector
/// finds that nobody has any of them any more.
/// </summary>
/// <remarks>
/// All of it happens within an operation or between two, so nothing here is shared by threads; but for the finalizer, which only puts the block on the pool's
/// list of forgotten ones. Blocks are reused with their object, so that a steady step makes none and the finalizer costs it nothing.
/// </remarks>
internal sealed class DeviceBuffer
{
    private readonly MemoryPool _pool;

    // Cleared when the collector finds this, before any finalizer runs, and never set again: not even where somebody's own finalizer brings a tensor back.
    private readonly WeakReference<DeviceBuffer> _unfound;
    private DeviceAllocation? _allocation;

    public DeviceBuffer(MemoryPool pool, DeviceAllocation allocation)
    {
        _pool = pool;
        _allocation = allocation;
        _unfound = new WeakReference<DeviceBuffer>(this);
    }

    ~DeviceBuffer()
    {
        // What was given up went back to the driver, or belongs to another.
        if (!IsGone)
            _pool.Forgotten.Push(this);
    }

    /// <summary>The memory.</summary>
    /// <exception cref="ObjectDisposedException">
    /// The collector had found the tensors, and the memory is another's by now: somebody's finalizer uses them still.
    /// </exception>
    public DeviceAllocation Allocation => _allocation
        ?? throw new ObjectDisposedException(
            nameof(Tensor), "The garbage collector had found this tensor, and its memory went back to the pool; a finalizer must not bring it back.");

    /// <summary>How many tensors view it.</summary>
    public int References { get; private set; }

    /// <summary>Whether the memory belongs to another object, or to nobody.</summary>
    public bool IsGone => _allocation is null;

    /// <summary>Whether the garbage collector has found that nobody had it, so that its finalizer has run or is about to.</summary>
    public bool WasFound => !_unfound.TryGetTarget(out _);

    /// <summary>The last operation of the device that asked for its address; see <see cref="DeviceTurns.Operation"/>.</summary>
    public long LastOperation { get; set; }

    /// <summary>What the host wrote last; null where that were no integers, or something else was written since.</summary>
    public WrittenIntegers? Integers { get; set; }

    /// <summary>How often it was written in place.</summary>
    public int Version { get; set; }

    /// <summary>Where its tensor was made; null where that is not traced.</summary>
    public TracedTensor? Trace { get; set; }

    /// <summary>The next on the list of forgotten blocks.</summary>
    public DeviceBuffer? NextForgotten { get; set; }

    /// <summary>Where it is among the idle blocks of the pool: those of its size, and all of them by age.</summary>
    public IdleLinks Idle;

    public void AddReference() => References++;

    /// <summary>A tensor that views the block was disposed.</summary>
    public void RemoveReference()
    {
        if (--References == 0)
            _pool.Return(this);
    }

    /// <summary>No tensor has it any more.</summary>
    public void Clear()
    {
        References = 0;
        Integers = null;
        Trace?.Remove();
        Trace = null;
    }

    /// <summary>Parts from the memory; this object is of no more use.</summary>
    public DeviceAllocation GiveUp()
    {
        DeviceAllocation allocation = Allocation;
        _allocation = null;
        return allocation;
    }
}

/// <summary>
/// The blocks of a pool that the garbage collector found, as a list that needs no lock: the finalizer's thread pushes, and whoever has the device's turn takes.
/// Nothing that a driver or the pool does happens on the finalizer's thread.
/// </summary>
internal sealed class ForgottenBlocks
{
    private DeviceBuffer? _first;
    private volatile bool _isClosed;

    public bool IsEmpty => Volatile.Read(ref _first) is null;

    public void Push(DeviceBuffer buffer)
    {
        // Closed with the device, which gave all memory back.
        while (!_isClosed)
        {
            DeviceBuffer? first = Volatile.Read(ref _first);
            buffer.NextForgotten = first;
            if (ReferenceEquals(Interlocked.CompareExchange(ref _first, buffer, first), first))
                return;
        }
    }

    /// <summary>Takes all of them, the last found first; they are linked by <see cref="DeviceBuffer.NextForgotten"/>.</summary>
    public DeviceBuffer? TakeAll() => Interlocked.Exchange(ref _first, null);

    public void Close()
    {
        _isClosed = true;
        TakeAll();
    }
}

/// <summary>Memory as the backend sees it.</summary>
internal abstract class DeviceAllocation(long bytes) : IDisposable
{
    /// <summary>The size asked of the driver.</summary>
    public long Bytes { get; } = bytes;

    public abstract void Dispose();
}
