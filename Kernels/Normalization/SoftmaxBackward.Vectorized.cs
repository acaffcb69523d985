using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>dx = y · (dy − Σ dy·y) with SIMD, some rows per block. Where y is zero, dy counts for nothing, whatever it holds.</summary>
internal unsafe struct SoftmaxBackwardVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* OutputGradient; // [rows, dim]
    public TElement* Output;         // [rows, dim]
    public TElement* InputGradient;  // [rows, dim]
    public int Rows;
    public int Dim;
    public int RowsPerBlock;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
            Row(OutputGradient + (long)row * Dim, Output + (long)row * Dim, InputGradient + (long)row * Dim);
    }

    private readonly void Row(TElement* outputGradient, TElement* output, TElement* inputGradient)
    {
        Vector512<float> sums = default;
        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            Vector512<float> y = ElementVector.Load(output + c, Dim - c);
            sums = Vector512.FusedMultiplyAdd(WhereNotZero(y, ElementVector.Load(outputGradient + c, Dim - c)), y, sums);
        }

        Vector512<float> common = Vector512.Create(Vector512.Sum(sums));
        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            Vector512<float> y = ElementVector.Load(output + c, Dim - c);
            ElementVector.Store(y * WhereNotZero(y, ElementVector.Load(outputGradient + c, Dim - c) - common), inputGradient + c, Dim - c);
        }
    }

    private static Vector512<float> WhereNotZero(Vector512<float> y, Vector512<float> value)
        => Vector512.AndNot(value, Vector512.Equals(y, Vector512<float>.Zero));
}
