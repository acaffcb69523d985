using System.Numerics;

namespace GpuTransformer.Host;

/// <summary>
/// Keeps freed device memory for the next tensor of about the same size. Sizes are rounded up to one of eight steps per power of two, so at most an
/// eighth is wasted and the same sequence of shapes always finds its blocks again. Launches run in order on one stream, so a block may be handed
/// out while earlier work that reads it is still queued.
/// </summary>
internal sealed class MemoryPool(DeviceBackend backend, DeviceStatistics statistics) : IDisposable
{
    private const long SmallestBlock = 256;

    private readonly Dictionary<long, Stack<DeviceBuffer>> _free = [];
    private readonly HashSet<DeviceAllocation> _held = [];
    private readonly Lock _lock = new();
    private bool _disposed;

    public DeviceBuffer Rent(long bytes)
    {
        long rounded = RoundUp(bytes);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(ComputeDevice));
            if (!_free.TryGetValue(rounded, out Stack<DeviceBuffer>? stack) || !stack.TryPop(out DeviceBuffer? buffer))
            {
                buffer = new DeviceBuffer(this, Allocate(rounded));
                _held.Add(buffer.Allocation);
                statistics.CountAllocation(rounded);
            }

            statistics.CountInUse(rounded);
            return buffer;
        }
    }

    public void Return(DeviceBuffer buffer)
    {
        lock (_lock)
        {
            statistics.CountInUse(-buffer.Allocation.Bytes);
            if (_disposed)
                return;
            if (!_free.TryGetValue(buffer.Allocation.Bytes, out Stack<DeviceBuffer>? stack))
                _free.Add(buffer.Allocation.Bytes, stack = new Stack<DeviceBuffer>());
            stack.Push(buffer);
        }
    }

    /// <summary>Gives all free blocks back to the driver.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            foreach (Stack<DeviceBuffer> stack in _free.Values)
            {
                while (stack.TryPop(out DeviceBuffer? buffer))
                    Free(buffer.Allocation);
            }
        }
    }

    /// <summary>Gives everything back, what tensors still use included: the device is going.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _free.Clear();
            foreach (DeviceAllocation allocation in _held)
                Free(allocation);
        }
    }

    internal static long RoundUp(long bytes)
    {
        if (bytes <= SmallestBlock)
            return SmallestBlock;
        long step = Math.Max(SmallestBlock, 1L << (BitOperations.Log2((ulong)(bytes - 1)) - 3));
        return (bytes + step - 1) / step * step;
    }

    private void Free(DeviceAllocation allocation)
    {
        _held.Remove(allocation);
        statistics.CountFree(allocation.Bytes);
        allocation.Dispose();
    }

    private DeviceAllocation Allocate(long bytes)
    {
        try
        {
            return backend.Allocate(bytes);
        }
        catch (Exception exception) when (exception is OutOfMemoryException or ILGPU.Runtime.AcceleratorException)
        {
            // Blocks of other sizes may be what fills the device.
            Trim();
            try
            {
                return backend.Allocate(bytes);
            }
            catch (Exception second) when (second is OutOfMemoryException or ILGPU.Runtime.AcceleratorException)
            {
                throw new InsufficientMemoryException(
                    $"The device has no room for {bytes:N0} more bytes; {statistics.BytesInUse:N0} bytes are in use by tensors. Use a smaller batch, or dispose tensors sooner.", second);
            }
        }
    }
}
