using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// op(A) as dense float32 rows: transposed, widened, or both. Where A is not that already and is read for many columns of C, doing it once is cheaper than
/// doing it for every 64 of them. A block is 64 rows.
/// </summary>
internal unsafe struct MatrixRowsVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    /// <summary>Rows per block.</summary>
    public const int RowsPerBlock = 64;

    public TElement* Source; // [m, k], or [k, m] transposed
    public float* Rows;      // [m, k]
    public int M;
    public int K;
    public int Transposed;

    public readonly void Execute(int block)
    {
        int row = block * RowsPerBlock, rows = Math.Min(RowsPerBlock, M - row);
        float* target = Rows + (long)row * K;
        if (Transposed == 0)
        {
            Widen(Source + (long)row * K, (long)rows * K, target);
            return;
        }

        for (int k = 0; k < K; k += RowsPerBlock)
            MatrixPanel.Transpose(Source + (long)k * M + row, M, rows, Math.Min(RowsPerBlock, K - k), target + k, K);
    }

    /// <summary>target[i] = source[i]</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(TElement* source, long count, float* target)
    {
        long whole = count & ~15L;
        for (long i = 0; i < whole; i += ElementVector.Width)
            ElementVector.Load(source + i).Store(target + i);
        if (whole < count)
            ElementVector.StorePartial(ElementVector.LoadPartial(source + whole, (int)(count - whole)), (Float32*)(target + whole), (int)(count - whole));
    }
}
