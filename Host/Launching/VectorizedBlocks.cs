namespace GpuTransformer.Host;

/// <summary>How much work one block of a Vectorized kernel should be.</summary>
internal static class VectorizedBlocks
{
    // About two microseconds of streaming work: ten times what claiming a block costs.
    private const int StreamedElements = 8192;

    /// <summary>Rows per block for kernels that stream over rows of <paramref name="dim"/> elements.</summary>
    public static int RowsPerBlock(ComputeDevice device, int rows, int dim)
    {
        int byWork = Math.Max(1, StreamedElements / Math.Max(1, dim));
        int byWorkers = Math.Max(1, (rows + device.Workers - 1) / device.Workers);
        return Math.Min(byWork, byWorkers);
    }

    /// <summary>Elements per block, a whole number of vectors, for kernels that stream over <paramref name="count"/> elements.</summary>
    public static int ElementsPerBlock(ComputeDevice device, long count)
    {
        const int Step = 64;
        long byWorkers = (count + device.Workers - 1) / device.Workers;
        return (int)Math.Min(StreamedElements, (byWorkers + Step - 1) / Step * Step);
    }
}
