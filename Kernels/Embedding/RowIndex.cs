using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Reads a row number that is stored in 32 or 64 bits. One that 32 bits do not hold becomes −1, which is no row: with its low half alone 2^32 would be row 0.
/// </summary>
internal static unsafe class RowIndex
{
    /// <summary>In a GPU thread.</summary>
    /// <param name="index">[…, stride]: the low half, then the high one where there is one.</param>
    /// <param name="position">Which index.</param>
    /// <param name="stride">1 for 32-bit indices, 2 for 64-bit ones.</param>
    public static int Read(ArrayView<int> index, long position, int stride)
    {
        int low = index[position * stride], row = low;
        if (stride == 2)
            row = Narrow(low, index[position * stride + 1]);
        return row;
    }

    /// <summary>On the processor.</summary>
    /// <inheritdoc cref="Read(ArrayView{int}, long, int)"/>
    public static int Read(int* index, long position, int stride)
        => stride == 2 ? Narrow(index[position * 2], index[position * 2 + 1]) : index[position];

    // A number fits if the high half repeats its sign.
    private static int Narrow(int low, int high) => high == low >> 31 ? low : -1;
}
