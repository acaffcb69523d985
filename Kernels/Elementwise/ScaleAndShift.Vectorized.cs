using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>y = x · (scale + offset) + shift with SIMD, scale and shift being vectors for groups of rows.</summary>
internal unsafe struct ScaleAndShiftVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Input;  // [rows, dim]
    public GainRowsVectorized<TElement> Scale;
    public GainRowsVectorized<TElement> Shift;
    public TElement* Output; // [rows, dim]
    public int Rows;
    public int Dim;
    public int RowsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            GainRow<TElement> scale = Scale.Row(row), shift = Shift.Row(row);
            TElement* input = Input + (long)row * Dim, output = Output + (long)row * Dim;
            for (int c = 0; c < Dim; c += ElementVector.Width)
            {
                Vector512<float> x = ElementVector.Load(input + c, Dim - c);
                ElementVector.Store(Vector512.FusedMultiplyAdd(x, scale.Load(c, Dim - c), shift.Load(c, Dim - c)), output + c, Dim - c);
            }
        }
    }
}
