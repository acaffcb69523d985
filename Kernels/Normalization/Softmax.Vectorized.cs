using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>y = exp(x − max) / Σ exp(x − max) with SIMD, some rows per block; zero for a row that is −∞ everywhere.</summary>
internal unsafe struct SoftmaxVectorized<TElement> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
{
    public TElement* Input;  // [rows, dim]
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
            Row(Input + (long)row * Dim, Output + (long)row * Dim);
    }

    private readonly void Row(TElement* input, TElement* output)
    {
        Vector512<float> maxima = Vector512.Create(float.NegativeInfinity), sums = default;
        for (int c = 0; c < Dim; c += ElementVector.Width)
            maxima = Vector512.Max(maxima, ElementVector.Load(input + c, Dim - c, float.NegativeInfinity));

        // −∞ − −∞ would be NaN; minus anything finite it is −∞, whose exponential is zero.
        float maximum = Largest(maxima);
        Vector512<float> largest = Vector512.Create(float.IsNegativeInfinity(maximum) ? 0f : maximum);

        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            Vector512<float> term = SpecialFunctions.Exp(ElementVector.Load(input + c, Dim - c) - largest);
            sums += Dim - c >= ElementVector.Width ? term : ElementVector.Keep(term, Dim - c);
        }

        float sum = Vector512.Sum(sums);
        Vector512<float> scale = Vector512.Create(sum == 0f ? 0f : 1f / sum);
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
