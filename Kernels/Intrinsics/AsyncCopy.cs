using System.Runtime.CompilerServices;
using ILGPU.IR.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// Copies from global to shared memory that run while the thread computes (CUDA sm_80 and newer). Addresses are numbers because the instructions want them so.
/// On the simulator a copy is done when it is asked for, so what it cannot show is a missing wait.
/// </summary>
internal static unsafe class AsyncCopy
{
    /// <summary>How many bytes one copy moves.</summary>
    public const int Bytes = 16;

    /// <summary>Where an element of global memory lies, as the instructions on global memory want it.</summary>
    [IntrinsicImplementation]
    public static long GlobalAddress(ref BFloat16 element) => (long)Unsafe.AsPointer(ref element);

    /// <summary>Where an element of shared memory lies, as the instructions on shared memory want it.</summary>
    [IntrinsicImplementation]
    public static long SharedAddress(ref BFloat16 element) => (long)Unsafe.AsPointer(ref element);

    /// <summary>
    /// Begins to copy <see cref="Bytes"/> bytes, of which the first <paramref name="count"/> are read and the others are zero. Both addresses are multiples of
    /// 16. cp.async.cg.
    /// </summary>
    [IntrinsicImplementation]
    public static void Begin(long target, long source, int count)
    {
        if (target % Bytes != 0 || (count > 0 && source % Bytes != 0))
            throw new InvalidOperationException($"A copy from {source:x} to {target:x}: both must be multiples of {Bytes}.");
        var bytes = new Span<byte>((void*)target, Bytes);
        new ReadOnlySpan<byte>((void*)source, count).CopyTo(bytes);
        bytes[count..].Clear();
    }

    /// <summary>Makes a group of the copies begun since the last call; there may be none. cp.async.commit_group.</summary>
    [IntrinsicImplementation]
    public static void CloseGroup()
    {
    }

    /// <summary>Waits for all groups but the last. Other threads' copies need a barrier besides. cp.async.wait_group 1.</summary>
    [IntrinsicImplementation]
    public static void WaitForAllButLast()
    {
    }
}
