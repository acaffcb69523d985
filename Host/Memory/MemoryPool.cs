using System.Numerics;

namespace GpuTransformer.Host;

/// <summary>
/// Keeps freed device memory for the next tensor of about the same size. Sizes are rounded up to one of eight steps per power of two, so at most an
/// eighth is wasted and the same sequence of shapes always finds its blocks again. Launches run in order on one stream, so a block may be handed
/// out while earlier work that reads it is still queued. It is used within an operation of the device or between two, so it needs no lock.
/// What lies idle is bounded: where it is more than was in use at a time lately, blocks that no step has used for a while go back to the driver, the oldest first. With lengths that
/// vary the pool so holds some twice what is needed; a steady step uses all its blocks in each step and loses none.
/// </summary>
internal sealed class MemoryPool(DeviceBackend backend, DeviceStatistics statistics) : IDisposable
{
    /// <summary>The pool's clock runs by steps: an outermost scope is one, a scope right inside it a small part of one.</summary>
    public const int TicksPerStep = 64;

    private const long SmallestBlock = 256;

    // What a few steps in turn need, such as batches that are accumulated or measured on, is not given back between them.
    private const long TicksBeforeOld = 3 * TicksPerStep;

    // How long a peak counts: a large batch long ago is no reason to hold as much for ever.
    private const long TicksPerWindow = 256 * TicksPerStep;

    // Below that, giving back is more trouble than it is worth.
    private const long AlwaysAllowed = 1 << 20;

    private readonly IdleBlocks _idle = new();
    private readonly HashSet<DeviceAllocation> _held = [];
    private bool _disposed;
    private long _now;
    private long _windowEnd = TicksPerWindow;
    private long _inUse;
    private long _peakInWindow;
    private long _peakBefore;

    public DeviceBuffer Rent(long bytes)
    {
        long rounded = RoundUp(bytes);
        ObjectDisposedException.ThrowIf(_disposed, typeof(ComputeDevice));
        if (!_idle.TryTake(rounded, out DeviceBuffer? buffer))
        {
            GiveBackOld();
            buffer = new DeviceBuffer(this, Allocate(rounded));
            _held.Add(buffer.Allocation);
            statistics.CountAllocation(rounded);
        }

        _inUse += rounded;
        _peakInWindow = Math.Max(_peakInWindow, _inUse);
        statistics.CountInUse(rounded);
        return buffer;
    }

    public void Return(DeviceBuffer buffer)
    {
        long bytes = buffer.Allocation.Bytes;
        _inUse -= bytes;
        statistics.CountInUse(-bytes);
        if (!_disposed)
            _idle.Add(buffer, _now);
    }

    /// <summary>A step or a part of one has ended.</summary>
    public void Advance(int ticks)
    {
        if (_disposed)
            return;
        _now += ticks;
        if (_now >= _windowEnd)
        {
            (_peakBefore, _peakInWindow) = (_peakInWindow, _inUse);
            _windowEnd = _now + TicksPerWindow;
        }

        GiveBackOld();
    }

    /// <summary>Gives all free blocks back to the driver.</summary>
    public void Trim()
    {
        while (_idle.Oldest is { } oldest)
            Free(oldest);
    }

    /// <summary>Gives everything back, what tensors still use included: the device is going.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (DeviceAllocation allocation in _held)
        {
            statistics.CountFree(allocation.Bytes);
            allocation.Dispose();
        }

        _held.Clear();
    }

    internal static long RoundUp(long bytes)
    {
        if (bytes <= SmallestBlock)
            return SmallestBlock;
        long step = Math.Max(SmallestBlock, 1L << (BitOperations.Log2((ulong)(bytes - 1)) - 3));
        return (bytes + step - 1) / step * step;
    }

    private void GiveBackOld()
    {
        long allowed = Math.Max(AlwaysAllowed, Math.Max(_peakBefore, _peakInWindow));
        while (_idle.Bytes > allowed && _idle.Oldest is { } oldest && _now - oldest.Idle.Since > TicksBeforeOld)
            Free(oldest);
    }

    private void Free(DeviceBuffer buffer)
    {
        _idle.Remove(buffer);
        _held.Remove(buffer.Allocation);
        statistics.CountFree(buffer.Allocation.Bytes);
        buffer.Allocation.Dispose();
    }

    private DeviceAllocation Allocate(long bytes)
    {
        try
        {
            return backend.Allocate(bytes);
        }
        catch (Exception exception) when (backend.IsOutOfMemory(exception))
        {
            // Blocks of other sizes may be what fills the device.
            Trim();
            try
            {
                return backend.Allocate(bytes);
            }
            catch (Exception second) when (backend.IsOutOfMemory(second))
            {
                throw new InsufficientMemoryException(
                    $"The device has no room for {bytes:N0} more bytes; {statistics.BytesInUse:N0} bytes are in use by tensors. Use a smaller batch, or dispose tensors sooner.", second);
            }
        }
    }
}
