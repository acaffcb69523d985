using ILGPU;
using ILGPU.Runtime;

namespace GpuTransformer.Host.CustomKernels;

/// <summary>A block of the <c>cpu</c> device as ILGPU's views see memory, so that a kernel of one's own is written once. It owns nothing.</summary>
internal sealed class ProcessorMemory : MemoryBuffer
{
    // No accelerator: that is how ILGPU's own buffers over arrays are made, and what tells a view that the host may read it.
    private unsafe ProcessorMemory(CpuAllocation allocation)
        : base(null!, allocation.Bytes, 1)
    {
        NativePtr = (nint)allocation.Pointer;
        GC.SuppressFinalize(this);
    }

    /// <summary>A view of a part, in bytes, that is valid until the block is given back.</summary>
    public static ArrayView<T> View<T>(CpuAllocation allocation, long offset, long bytes)
        where T : unmanaged
        => new ArrayView<byte>(new ProcessorMemory(allocation), offset, bytes).Cast<T>();

    /// <inheritdoc/>
    protected override void MemSet(AcceleratorStream stream, byte value, in ArrayView<byte> targetView) => throw OnlyElements();

    /// <inheritdoc/>
    protected override void CopyFrom(AcceleratorStream stream, in ArrayView<byte> sourceView, in ArrayView<byte> targetView) => throw OnlyElements();

    /// <inheritdoc/>
    protected override void CopyTo(AcceleratorStream stream, in ArrayView<byte> sourceView, in ArrayView<byte> targetView) => throw OnlyElements();

    /// <inheritdoc/>
    protected override void DisposeAcceleratorObject(bool disposing)
    {
    }

    private static NotSupportedException OnlyElements()
        => new("A view of the processor's memory gives access to its elements, and is not copied or filled as a whole; use Tensor for that.");
}
