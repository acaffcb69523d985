namespace GpuTransformer.Kernels;

/// <summary>Where the rows of a copy come from and go to.</summary>
internal struct CopyRowsShape
{
    public int Batch;
    public int Rows;          // copied per batch
    public int Dim;
    public int InputRows;     // per batch
    public int InputBroadcast; // 1 where all batches read the same input
    public int InputStart;    // may be negative: rows before the input are zero
    public int OutputRows;    // per batch
    public int OutputStart;
    public int IndexStride;   // 2 for 64-bit indices, see RowIndex
    public float Scale;

    /// <summary>Where input row <paramref name="row"/> of batch <paramref name="batch"/> starts.</summary>
    public readonly long InputOffset(int batch, int row) => ((InputBroadcast == 1 ? 0L : (long)batch * InputRows) + row) * Dim;

    /// <summary>Where the <paramref name="row"/>-th copied row of batch <paramref name="batch"/> goes.</summary>
    public readonly long OutputOffset(int batch, int row) => ((long)batch * OutputRows + OutputStart + row) * Dim;
}
