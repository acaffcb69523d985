using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>y = exp(x − max) / Σ exp(x − max) with SIMD, some rows per block.</summary>
internal unsafe struct SoftmaxVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Input;  // [rows, dim]
    public TElement* Output; // [rows, dim]
    public int Rows;
    public int Dim;
    public int RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
            Row(Input + (long)row * Dim, Output + (long)row * Dim);
    }

    private readonly void Row(TElement* input, TElement* output)
    {
        Vector512<float> maxima = Vector512.Create(float.MinValue), sums = default;
        for (int c = 0; c < Dim; c += ElementVector.Width)
            maxima = Vector512.Max(maxima, ElementVector.Load(input + c, Dim - c, float.MinValue));
        Vector512<float> largest = Vector512.Create(Largest(maxima));

        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            Vector512<float> term = SpecialFunctions.Exp(ElementVector.Load(input + c, Dim - c) - largest);
            sums += Dim - c >= ElementVector.Width ? term : ElementVector.Keep(term, Dim - c);
        }

        Vector512<float> scale = Vector512.Create(1f / Vector512.Sum(sums));
        for (int c = 0; c < Dim; c += ElementVector.Width)
            ElementVector.Store(SpecialFunctions.Exp(ElementVector.Load(input + c, Dim - c) - largest) * scale, output + c, Dim - c);
    }

    private static float Largest(Vector512<float> lanes)
    {
        float largest = lanes[0];
        for (int i = 1; i < ElementVector.Width; i++)
            largest = MathF.Max(largest, lanes[i]);
        return largest;
    }
}
