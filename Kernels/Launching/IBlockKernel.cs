namespace GpuTransformer.Kernels;

/// <summary>
/// A Vectorized kernel: a blittable parameter block and the work of one block of it. Blocks are independent and run in any order on any thread;
/// what a block writes depends on its index alone, so results do not change with the number of threads.
/// </summary>
internal interface IBlockKernel
{
    /// <summary>Computes block <paramref name="block"/>.</summary>
    void Execute(int block);
}
