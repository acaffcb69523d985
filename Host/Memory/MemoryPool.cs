using System.Numerics;

namespace GpuTransformer.Host;

/// <summary>
/// Keeps freed device memory for the next tensor of about the same size. Sizes are rounded up to one of eight steps per power of two, so at most an
/// eighth is wasted and the same sequence of shapes always finds its blocks again. Launches run in order on one stream, so a block may be handed
/// out while earlier work that reads it is still queued. It is used within an operation of the device or between two, so it needs no lock.
/// What lies idle is bounded: where it is more than was in use at a time lately, blocks that no step has used for a while go back to the driver, the oldest
/// first. With lengths that vary the pool so holds some twice what is needed; a steady step uses all its blocks in each step and loses none. What tensors use
/// that nobody has any more is bounded too: before the pool asks the driver for more than twice what was in use after the last collection (64 MB at least), it
/// has the garbage collector run. A program that forgets none has a few collections until it has reached its size.
/// </summary>
internal sealed class MemoryPool(DeviceBackend backend, DeviceStatistics statistics, DeviceTurns turns, ExecutionState execution) : IDisposable
{
    /// <summary>The pool's clock runs by steps: an outermost one is a whole, one right inside it a small part.</summary>
    public const int TicksPerStep = 64;

    private const long SmallestBlock = 256;

    // What a few steps in turn need, such as batches that are accumulated or measured on, is not given back between them.
    private const long TicksBeforeOld = 3 * TicksPerStep;

    // How long a peak counts: a large batch long ago is no reason to hold as much for ever.
    private const long TicksPerWindow = 256 * TicksPerStep;

    // Below that, giving back is more trouble than it is worth.
    private const long AlwaysAllowed = 1 << 20;

    // What may be in use before the garbage collector is asked for the first time: a collection takes milliseconds.
    private const long AlwaysUncollected = 64 << 20;

    private readonly IdleBlocks _idle = new();
    private readonly HashSet<DeviceAllocation> _held = [];
    private bool _disposed;
    private long _now;
    private long _windowEnd = TicksPerWindow;
    private long _inUse;
    private long _peakInWindow;
    private long _peakBefore;
    private long _collectAbove = AlwaysUncollected;

    /// <summary>What the garbage collector found; see <see cref="TakeForgotten"/>.</summary>
    public ForgottenBlocks Forgotten { get; } = new();

    public DeviceBuffer Rent(long bytes)
    {
        long rounded = RoundUp(bytes);
        ObjectDisposedException.ThrowIf(_disposed, typeof(ComputeDevice));
        bool found = _idle.TryTake(rounded, out DeviceBuffer? buffer);
        if (!found && _inUse + rounded > _collectAbove)
        {
            Collect();

            // Where no scope is ever opened, this is all that tells the time.
            Advance(TicksPerStep);
            _collectAbove = Math.Max(AlwaysUncollected, 2 * Math.Max(_inUse, rounded));
            found = _idle.TryTake(rounded, out buffer);
        }

        if (!found)
        {
            GiveBackOld();
            buffer = Make(rounded);
        }

        _inUse += rounded;
        buffer!.LastOperation = turns.Operation;
        _peakInWindow = Math.Max(_peakInWindow, _inUse);
        statistics.CountInUse(rounded);
        return buffer;
    }

    public void Return(DeviceBuffer buffer)
    {
        long bytes = buffer.Allocation.Bytes;
        _inUse -= bytes;
        statistics.CountInUse(-bytes);
        buffer.Clear();
        if (!_disposed)
            _idle.Add(buffer.WasFound ? new DeviceBuffer(this, buffer.GiveUp()) : buffer, _now);
    }

    /// <summary>
    /// Puts the blocks away that the garbage collector found, but for those whose address the operation under way has asked for: their tensors may be gone from
    /// its variables while its launch is yet to come.
    /// </summary>
    public void TakeForgotten()
    {
        DeviceBuffer? next = Forgotten.TakeAll();
        while (next is { } buffer)
        {
            next = buffer.NextForgotten;
            buffer.NextForgotten = null;

            // Somebody's own finalizer may have disposed the tensors meanwhile.
            if (buffer.IsGone)
                continue;
            if (buffer.LastOperation == turns.Operation)
            {
                Forgotten.Push(buffer);
                continue;
            }

            // Steps hold their tensors, so no step owned these.
            statistics.CountForgotten(buffer.References);
            Return(buffer);
        }
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
            _collectAbove = Math.Max(AlwaysUncollected, Math.Min(_collectAbove, 2 * _peakBefore));
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
        Forgotten.Close();
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
        DeviceAllocation allocation = buffer.GiveUp();
        _held.Remove(allocation);
        statistics.CountFree(allocation.Bytes);
        allocation.Dispose();
    }

    private void Collect()
    {
        GarbageCollection.Run();

        // What a forgotten step has held until here the next collection can find.
        if (execution.LetGoOfForgotten())
            GarbageCollection.Run();
        TakeForgotten();
    }

    /// <summary>A block from the driver, or one that turned up while there was no room.</summary>
    private DeviceBuffer Make(long bytes)
    {
        DeviceAllocation? allocation = TryAllocate(bytes, out _);
        if (allocation is null)
        {
            // Blocks of other sizes may be what fills the device.
            Trim();
            allocation = TryAllocate(bytes, out _);
        }

        if (allocation is null)
        {
            // Or tensors that nobody has any more.
            Collect();
            if (_idle.TryTake(bytes, out DeviceBuffer? found))
                return found;
            Trim();
            allocation = TryAllocate(bytes, out Exception? refusal) ?? throw new InsufficientMemoryException(
                $"The device has no room for {bytes:N0} more bytes; {statistics.BytesInUse:N0} bytes are in use by tensors. "
                + "Use a smaller batch, or dispose tensors sooner.", refusal);
        }

        _held.Add(allocation);
        statistics.CountAllocation(bytes);
        return new DeviceBuffer(this, allocation);
    }

    private DeviceAllocation? TryAllocate(long bytes, out Exception? refusal)
    {
        try
        {
            refusal = null;
            return backend.Allocate(bytes);
        }
        catch (Exception exception) when (backend.IsOutOfMemory(exception))
        {
            refusal = exception;
            return null;
        }
    }
}
