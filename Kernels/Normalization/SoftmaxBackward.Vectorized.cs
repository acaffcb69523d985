using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>dx = y · (dy − Σ dy·y) with SIMD, some rows per block.</summary>
internal unsafe struct SoftmaxBackwardVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* OutputGradient; // [rows, dim]
    public TElement* Output;         // [rows, dim]
    public TElement* InputGradient;  // [rows, dim]
    public int Rows;
    public int Dim;
    public int RowsPerBlock;

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
            sums = Vector512.FusedMultiplyAdd(ElementVector.Load(outputGradient + c, Dim - c), ElementVector.Load(output + c, Dim - c), sums);
        Vector512<float> common = Vector512.Create(Vector512.Sum(sums));
        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            Vector512<float> centred = ElementVector.Load(outputGradient + c, Dim - c) - common;
            ElementVector.Store(ElementVector.Load(output + c, Dim - c) * centred, inputGradient + c, Dim - c);
        }
    }
}
