using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GpuTransformer.Host;

/// <summary>What the device does with memory on behalf of tensors, and what is said when it fails.</summary>
public sealed partial class ComputeDevice
{
    // A power of two: the last launches, the newest at the next index minus one.
    private readonly MethodInfo?[] _recent = new MethodInfo?[4];
    private int _nextRecent;

    /// <summary>Copies from the host.</summary>
    internal void Write<T>(DeviceAllocation target, long offset, ReadOnlySpan<T> values)
        where T : unmanaged
        => Transfer(target, offset, MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(values), values.Length), isWrite: true);

    /// <summary>Copies to the host.</summary>
    internal void Read<T>(DeviceAllocation source, long offset, Span<T> target)
        where T : unmanaged
        => Transfer(source, offset, target, isWrite: false);

    // In pieces whose bytes an int can count. What is written is only read.
    private void Transfer<T>(DeviceAllocation memory, long offset, Span<T> values, bool isWrite)
        where T : unmanaged
    {
        int most = Backend.LongestCopy / Unsafe.SizeOf<T>();
        try
        {
            while (values.Length > 0)
            {
                Span<byte> piece = MemoryMarshal.AsBytes(values[..Math.Min(values.Length, most)]);
                if (isWrite)
                    Backend.Write(memory, offset, piece);
                else
                    Backend.Read(memory, offset, piece);
                offset += piece.Length;
                values = values[(piece.Length / Unsafe.SizeOf<T>())..];
            }
        }
        catch (Exception exception) when (Backend.IsDeviceError(exception))
        {
            throw Failure(isWrite ? "writing a tensor" : "reading a tensor", exception);
        }
    }

    internal void Clear(DeviceAllocation target, long bytes)
    {
        try
        {
            Backend.Clear(target, 0, bytes);
        }
        catch (Exception exception) when (Backend.IsDeviceError(exception))
        {
            throw Failure("clearing a tensor", exception);
        }
    }

    internal void Copy(DeviceAllocation source, long sourceOffset, DeviceAllocation target, long targetOffset, long bytes)
    {
        try
        {
            Backend.Copy(source, sourceOffset, target, targetOffset, bytes);
        }
        catch (Exception exception) when (Backend.IsDeviceError(exception))
        {
            throw Failure("copying a tensor", exception);
        }
    }

    internal DeviceBuffer Rent(long bytes)
    {
        try
        {
            return Pool.Rent(bytes);
        }
        catch (Exception exception) when (Backend.IsDeviceError(exception))
        {
            throw Failure($"allocating {bytes:N0} bytes", exception);
        }
    }

    /// <summary>What to throw where the driver reported an error; work is queued, so it may come from an earlier launch.</summary>
    internal DeviceFailedException Failure(string doing, Exception exception)
    {
        var kernels = new List<string>();
        for (int back = 1; back <= _recent.Length; back++)
        {
            if (_recent[(_nextRecent - back) & (_recent.Length - 1)]?.DeclaringType is { } kernel)
                kernels.Add(DeviceKernel.ReadableName(kernel));
        }

        string launched = kernels.Count == 0 ? "No kernel was launched before." : $"Kernels launched last, the latest first: {string.Join(", ", kernels)}.";
        return new DeviceFailedException(
            $"{this} failed while {doing}: {exception.Message.TrimEnd('.')}. Work is queued, so the cause may lie in an earlier launch. "
            + $"{launched} A device that has failed stays so; open it anew.",
            exception);
    }

    private void RememberLaunch(MethodInfo kernel) => _recent[_nextRecent++ & (_recent.Length - 1)] = kernel;
}
