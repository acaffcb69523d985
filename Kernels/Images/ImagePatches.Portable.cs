using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>Cuts images into patches, or puts them together again; one thread per number. See <see cref="ImagePatchesShape"/>.</summary>
internal struct ImagePatchesPortable<TElement> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 64;

    public ArrayView<TElement> Input;  // [batch, channels, height, width] or [batch, patches, patch · patch · channels]
    public ArrayView<TElement> Output; // the other one
    public ImagePatchesShape Shape;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => (Output.Length + GroupSize - 1) / GroupSize;

    /// <summary>Grid: numbers / <see cref="GroupSize"/>, rounded up.</summary>
    public static void Kernel(ImagePatchesPortable<TElement> p)
    {
        long target = (long)(p.FirstGroup + Grid.IdxX) * GroupSize + Group.IdxX;
        if (target < p.Output.Length)
            p.Output[target] = p.Input[p.Shape.Source(target)];
    }
}
