using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>
/// The gradient of a row normalisation with respect to its input, with SIMD, some rows per block; see
/// <see cref="RowNormBackwardPortable{TElement, TNormalization}"/>.
/// </summary>
internal unsafe struct RowNormBackwardVectorized<TElement, TNormalization> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
    where TNormalization : unmanaged, INormalization
{
    public TElement* OutputGradient; // [rows, dim]
    public TElement* Input;          // [rows, dim]
    public GainRowsVectorized<TElement> Gain;
    public TElement* InputGradient;  // [rows, dim]
    public float* Statistics;        // [rows, 2]: centre, factor, for the gain's gradient; or null
    public int Rows;
    public int Dim;
    public int RowsPerBlock;
    public float Epsilon;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
            Row(row, Input + (long)row * Dim, OutputGradient + (long)row * Dim, InputGradient + (long)row * Dim);
    }

    private readonly void Row(int row, TElement* input, TElement* outputGradient, TElement* inputGradient)
    {
        GainRow<TElement> gain = Gain.Row(row);
        float mean = RowStatistics<TElement, TNormalization>.Centre(input, Dim);
        float squares = RowStatistics<TElement, TNormalization>.SumOfSquares(input, Dim, mean), scale = TNormalization.Factor(squares, Dim, Epsilon);
        Vector512<float> centre = Vector512.Create(mean), factor = Vector512.Create(scale), sums = default, products = default;
        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            // Missing lanes of the gradient are zero, so whatever the others hold there does not count.
            Vector512<float> gradient = ElementVector.Load(outputGradient + c, Dim - c) * gain.Load(c, Dim - c);
            sums += gradient;
            products = Vector512.FusedMultiplyAdd(gradient, (ElementVector.Load(input + c, Dim - c) - centre) * factor, products);
        }

        Vector512<float> gradientMean = Vector512.Create(TNormalization.IsCentred ? Vector512.Sum(sums) / Dim : 0f);
        bool isConstant = TNormalization.IsConstant(squares, Epsilon), isLone = Dim == 1 && !isConstant;
        Vector512<float> projection = Vector512.Create(isConstant ? 0f : Vector512.Sum(products) / Dim);
        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            Vector512<float> gradient = ElementVector.Load(outputGradient + c, Dim - c) * gain.Load(c, Dim - c);
            Vector512<float> normalized = (ElementVector.Load(input + c, Dim - c) - centre) * factor;
            ElementVector.Store(isLone ? Vector512<float>.Zero : factor * (gradient - gradientMean - normalized * projection), inputGradient + c, Dim - c);
        }

        if (Statistics != null)
        {
            Statistics[2L * row] = mean;
            Statistics[2L * row + 1] = scale;
        }
    }
}
