using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// The gradient of a row normalisation with respect to its input, one row per group of threads: with x̂ the normalised row and g = dy · (gain + offset),
/// dx = factor · (g − mean(g) − x̂ · mean(g · x̂)), without the mean where the normalisation is not centred. Centre and factor are recomputed, not stored. The
/// gradient of a row of one number is exactly zero.
/// </summary>
internal struct RowNormBackwardPortable<TElement, TNormalization> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TNormalization : unmanaged, INormalization
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> OutputGradient; // [rows, dim]
    public ArrayView<TElement> Input;          // [rows, dim]
    public GainRowsPortable<TElement> Gain;
    public ArrayView<TElement> InputGradient;  // [rows, dim]
    public ArrayView<float> Statistics;        // [rows, 2]: centre, factor, for the gain's gradient; or empty
    public int Dim;
    public float Epsilon;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Input.Length / Dim;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(RowNormBackwardPortable<TElement, TNormalization> p)
    {
        int thread = Group.IdxX, number = p.FirstGroup + Grid.IdxX;
        long row = (long)number * p.Dim;
        float centre = RowNormPortable<TElement, TNormalization>.Centre(p.Input, row, p.Dim);
        float squares = RowNormPortable<TElement, TNormalization>.SumOfSquares(p.Input, row, p.Dim, centre);
        float factor = TNormalization.Factor(squares, p.Dim, p.Epsilon);

        float sum = 0f, product = 0f;
        for (int c = thread; c < p.Dim; c += GroupSize)
        {
            float gradient = p.GradientOfNormalized(number, row, c);
            sum += gradient;
            product += gradient * (TElement.ToSingle(p.Input[row + c]) - centre) * factor;
        }

        float mean = TNormalization.IsCentred ? GroupReduce.Sum(sum) / p.Dim : 0f;
        float projection = GroupReduce.Sum(product) / p.Dim;
        bool isConstant = TNormalization.IsConstant(squares, p.Epsilon);
        if (isConstant)
            projection = 0f;
        for (int c = thread; c < p.Dim; c += GroupSize)
        {
            float normalized = (TElement.ToSingle(p.Input[row + c]) - centre) * factor;
            float rest = p.GradientOfNormalized(number, row, c) - mean - normalized * projection;

            // A number alone is normalised to its sign, which does not depend on it; rounded, the square of that sign is not always 1.
            if (p.Dim == 1 && !isConstant)
                rest = 0f;
            p.InputGradient[row + c] = TElement.FromSingle(factor * rest);
        }

        if (p.Statistics.Length > 0 && thread == 0)
        {
            p.Statistics[2L * number] = centre;
            p.Statistics[2L * number + 1] = factor;
        }
    }

    private readonly float GradientOfNormalized(int row, long start, int column)
        => TElement.ToSingle(OutputGradient[start + column]) * GainRowsPortable<TElement>.Read(Gain, row, column);
}
