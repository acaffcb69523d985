using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Which class each row of a batch of sequences is to have: an id for each row, or the next row's, of which the last of a sequence has none. So ids that are on
/// the device already need no second copy that is shifted by one.
/// </summary>
internal static unsafe class RowTargets
{
    /// <summary>In a GPU thread.</summary>
    /// <param name="ids">[rows, stride]</param>
    /// <param name="row">Which row.</param>
    /// <param name="stride">1 for 32-bit ids, 2 for 64-bit ones; see <see cref="RowIndex"/>.</param>
    /// <param name="sequence">Rows of a sequence, where the next row's id is the target; 0 where it is the row's own.</param>
    /// <param name="ignored">The target of a row that has none.</param>
    public static int Read(ArrayView<int> ids, int row, int stride, int sequence, int ignored)
    {
        int target = ignored;
        if (sequence == 0)
            target = RowIndex.Read(ids, row, stride);
        else if (row % sequence != sequence - 1)
            target = RowIndex.Read(ids, row + 1L, stride);
        return target;
    }

    /// <summary>On the processor.</summary>
    /// <inheritdoc cref="Read(ArrayView{int}, int, int, int, int)"/>
    public static int Read(int* ids, int row, int stride, int sequence, int ignored)
        => sequence == 0 ? RowIndex.Read(ids, row, stride) : row % sequence == sequence - 1 ? ignored : RowIndex.Read(ids, row + 1L, stride);
}
