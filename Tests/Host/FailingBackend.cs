using GpuTransformer.Host;

namespace GpuTransformer.Tests;

/// <summary>A device's memory, whose driver refuses one call: the n-th allocation or the n-th write.</summary>
internal sealed class FailingBackend : DeviceBackend
{
    private readonly CpuBackend _inner = new(1);

    /// <summary>How many allocations succeed before one fails.</summary>
    public int Allocations { get; set; } = int.MaxValue;

    /// <summary>How many writes succeed before one fails.</summary>
    public int Writes { get; set; } = int.MaxValue;

    /// <summary>The largest block that it gives.</summary>
    public long Largest { get; set; } = long.MaxValue;

    /// <summary>A device with this memory, as large as told.</summary>
    public static ComputeDevice Open(FailingBackend backend, long memoryBytes = 1L << 30)
        => new(new DeviceDescription("cpu", DeviceKind.Cpu, "a failing driver", memoryBytes, 1, IsGpu: false), backend);

    public override DeviceAllocation Allocate(long bytes)
        => Allocations-- > 0 && bytes <= Largest ? _inner.Allocate(bytes) : throw new InsufficientMemoryException("no room, says the test");

    public override void Write(DeviceAllocation target, long offset, ReadOnlySpan<byte> source)
    {
        if (Writes-- <= 0)
            throw new InvalidOperationException("no write, says the test");
        _inner.Write(target, offset, source);
    }

    public override void Read(DeviceAllocation source, long offset, Span<byte> target) => _inner.Read(source, offset, target);

    public override void Clear(DeviceAllocation target, long offset, long bytes) => _inner.Clear(target, offset, bytes);

    public override void Copy(DeviceAllocation source, long sourceOffset, DeviceAllocation target, long targetOffset, long bytes)
        => _inner.Copy(source, sourceOffset, target, targetOffset, bytes);

    public override void Synchronize() => _inner.Synchronize();

    public override void Dispose() => _inner.Dispose();
}
