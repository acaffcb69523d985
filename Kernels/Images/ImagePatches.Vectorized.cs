namespace GpuTransformer.Kernels;

/// <summary>
/// Cuts images into patches, or puts them together again, number by number: what it feeds costs far more. See <see cref="ImagePatchesShape"/>.
/// </summary>
internal unsafe struct ImagePatchesVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Input;  // [batch, channels, height, width] or [batch, patches, patch · patch · channels]
    public TElement* Output; // the other one
    public ImagePatchesShape Shape;
    public long Count;
    public int ElementsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => checked((int)((Count + ElementsPerBlock - 1) / ElementsPerBlock));

    public readonly void Execute(int block)
    {
        long start = (long)block * ElementsPerBlock, end = Math.Min(Count, start + ElementsPerBlock);
        for (long target = start; target < end; target++)
            Output[target] = Input[Shape.Source(target)];
    }
}
