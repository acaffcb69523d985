using System.Runtime.InteropServices;

namespace GpuTransformer.Host;

/// <summary>Native memory aligned to a cache line; every operation is complete when it returns.</summary>
internal sealed unsafe class CpuBackend(int threads) : DeviceBackend
{
    public CpuWorkers Workers { get; } = new(threads);

    public override DeviceAllocation Allocate(long bytes) => new CpuAllocation(bytes);

    public override void Write(DeviceAllocation target, long offset, ReadOnlySpan<byte> source) => source.CopyTo(Span(target, offset, source.Length));

    public override void Read(DeviceAllocation source, long offset, Span<byte> target) => Span(source, offset, target.Length).CopyTo(target);

    public override void Clear(DeviceAllocation target, long offset, long bytes)
        => NativeMemory.Clear((byte*)((CpuAllocation)target).Pointer + offset, (nuint)bytes);

    public override void Copy(DeviceAllocation source, long sourceOffset, DeviceAllocation target, long targetOffset, long bytes)
        => NativeMemory.Copy((byte*)((CpuAllocation)source).Pointer + sourceOffset, (byte*)((CpuAllocation)target).Pointer + targetOffset, (nuint)bytes);

    public override void Synchronize()
    {
    }

    public override void Dispose() => Workers.Dispose();

    private static Span<byte> Span(DeviceAllocation allocation, long offset, int length) => new((byte*)((CpuAllocation)allocation).Pointer + offset, length);
}

/// <summary>A block of native memory.</summary>
internal sealed unsafe class CpuAllocation(long bytes) : DeviceAllocation(bytes)
{
    // SIMD kernels may read a whole vector at the end of a row; the tail keeps that inside the block.
    private const nuint Tail = 64;

    public void* Pointer { get; private set; } = NativeMemory.AlignedAlloc((nuint)bytes + Tail, 64);

    // Of a device that was forgotten. An operation under way holds its device, and that all its blocks.
    ~CpuAllocation() => NativeMemory.AlignedFree(Pointer);

    public override void Dispose()
    {
        GC.SuppressFinalize(this);
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
    }
}
