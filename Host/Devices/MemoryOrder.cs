using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using ILGPU.Backends;
using ILGPU.IR.Transformations;

namespace GpuTransformer.Host;

/// <summary>Keeps loads, stores, intrinsics and barriers in the order in which a kernel's source has them.</summary>
/// <remarks>
/// At O2 ILGPU's code placement moves what touches memory towards its use, and looks at one value too few: a load or an intrinsic may pass the barrier (or the
/// store) that ends its block, so that another warp overwrites what is still to be read. In the placement's default mode only arithmetic moves. Registers do
/// not suffer: the driver's compiler schedules loads itself, and knows what a barrier is.
/// </remarks>
internal static class MemoryOrder
{
    /// <summary>Sets up a backend so. Call it before anything is compiled.</summary>
    public static void Keep(Backend backend) => Place(backend, CodePlacementMode.Default);

    /// <summary>Sets how the backend places code; null for leaving everything where it is.</summary>
    /// <exception cref="NotSupportedException">The backend places no code: another ILGPU than the one that this was written for.</exception>
    internal static void Place(Backend backend, CodePlacementMode? mode)
    {
        ImmutableArray<Transformer> transformers = TransformersOf(backend);
        if (!transformers.Any(static t => t.Transformations.Any(static step => step is CodePlacement)))
            throw new NotSupportedException($"{backend.GetType()} has no code placement that could be told to keep the order of memory accesses.");
        SetTransformers(
            backend, [.. transformers.Select(t => Transformer.Create(t.Configuration, [.. t.Transformations.SelectMany(step => Placed(step, mode))]))]);
    }

    private static Transformation[] Placed(Transformation step, CodePlacementMode? mode)
        => step is not CodePlacement ? [step] : mode is { } kept ? [new CodePlacement<CodePlacement.GroupOperands>(kept)] : [];

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_KernelTransformers")]
    private static extern ImmutableArray<Transformer> TransformersOf(Backend backend);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_KernelTransformers")]
    private static extern void SetTransformers(Backend backend, ImmutableArray<Transformer> transformers);
}
