namespace GpuTransformer.Host;

/// <summary>How much work one block of a Vectorized kernel should be.</summary>
internal static class VectorizedBlocks
{
    // About two microseconds of streaming work: ten times what claiming a block costs.
    private const int ElementsPerBlock = 8192;

    /// <summary>Rows per block for kernels that stream over rows of <paramref name="dim"/> elements.</summary>
    public static int RowsPerBlock(ComputeDevice device, int rows, int dim)
    {
        int byWork = Math.Max(1, ElementsPerBlock / Math.Max(1, dim));
        int byWorkers = Math.Max(1, (rows + device.Workers - 1) / device.Workers);
        return Math.Min(byWork, byWorkers);
    }
}
