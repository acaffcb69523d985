using GpuTransformer.Host;

namespace GpuTransformer.Tests;

/// <summary>A device that runs no kernel: its memory is the host's, and what a driver may do to it is done by the test.</summary>
internal sealed class FakeBackend : DeviceBackend
{
    /// <summary>Called before each transfer, allocation, wait and release; may throw a <see cref="DriverException"/> or wait.</summary>
    public Action<string> Before { get; set; } = static _ => { };

    public int Copies { get; private set; }

    public int CopyLimit { get; init; } = 1 << 30;

    public bool IsDisposed { get; private set; }

    public override int LongestCopy => CopyLimit;

    public static ComputeDevice Open(FakeBackend backend) => new(new DeviceDescription("fake", DeviceKind.Cpu, "test", 0, 1, IsGpu: false), backend);

    public override bool IsDeviceError(Exception exception) => exception is DriverException;

    public override bool IsOutOfMemory(Exception exception) => exception is DriverException { NoRoom: true };

    public override DeviceAllocation Allocate(long bytes)
    {
        Before(nameof(Allocate));
        return new Allocation(this, bytes);
    }

    public override void Write(DeviceAllocation target, long offset, ReadOnlySpan<byte> source)
    {
        Before(nameof(Write));
        Copies++;
        source.CopyTo(((Allocation)target).Memory.AsSpan(checked((int)offset)));
    }

    public override void Read(DeviceAllocation source, long offset, Span<byte> target)
    {
        Before(nameof(Read));
        Copies++;
        ((Allocation)source).Memory.AsSpan(checked((int)offset), target.Length).CopyTo(target);
    }

    public override void Clear(DeviceAllocation target, long offset, long bytes)
        => ((Allocation)target).Memory.AsSpan(checked((int)offset), checked((int)bytes)).Clear();

    public override void Copy(DeviceAllocation source, long sourceOffset, DeviceAllocation target, long targetOffset, long bytes)
        => Array.Copy(((Allocation)source).Memory, sourceOffset, ((Allocation)target).Memory, targetOffset, bytes);

    public override void Synchronize() => Before(nameof(Synchronize));

    public override void Dispose()
    {
        Before(nameof(Dispose));
        IsDisposed = true;
    }

    /// <summary>What a driver's errors look like.</summary>
    internal sealed class DriverException(string message, bool noRoom = false) : Exception(message)
    {
        public bool NoRoom { get; } = noRoom;
    }

    private sealed class Allocation(FakeBackend backend, long bytes) : DeviceAllocation(bytes)
    {
        public byte[] Memory { get; } = new byte[bytes];

        public override void Dispose() => backend.Before("Free");
    }
}
