using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// Normalises one row per group of threads: y = (x − centre) · factor · (gain + offset).
/// The mean is subtracted before squaring (two passes over the row), so a large common offset costs no precision.
/// </summary>
internal struct RowNormPortable<TElement, TNormalization> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TNormalization : unmanaged, INormalization
{
    /// <summary>Threads per row; the reductions assume this power of two.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Input;  // [rows, dim]
    public GainRowsPortable<TElement> Gain;
    public ArrayView<TElement> Output; // [rows, dim]
    public int Dim;
    public float Epsilon;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Input.Length / Dim;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(RowNormPortable<TElement, TNormalization> p)
    {
        int thread = Group.IdxX, number = p.FirstGroup + Grid.IdxX;
        long row = (long)number * p.Dim;
        float centre = Centre(p.Input, row, p.Dim);
        float factor = TNormalization.Factor(SumOfSquares(p.Input, row, p.Dim, centre), p.Dim, p.Epsilon);
        for (int c = thread; c < p.Dim; c += GroupSize)
        {
            float normalized = (TElement.ToSingle(p.Input[row + c]) - centre) * factor;
            p.Output[row + c] = TElement.FromSingle(normalized * GainRowsPortable<TElement>.Read(p.Gain, number, c));
        }
    }

    /// <summary>The mean of a row, or zero where the normalisation is not centred. Every thread of the group must call it.</summary>
    public static float Centre(ArrayView<TElement> input, long row, int dim)
    {
        float centre = 0f;
        if (TNormalization.IsCentred)
        {
            float sum = 0f;
            for (int c = Group.IdxX; c < dim; c += GroupSize)
                sum += TElement.ToSingle(input[row + c]);
            centre = GroupReduce.Sum(sum) / dim;
        }

        return centre;
    }

    /// <summary>Σ (x − centre)². Every thread of the group must call it.</summary>
    public static float SumOfSquares(ArrayView<TElement> input, long row, int dim, float centre)
    {
        float squares = 0f;
        for (int c = Group.IdxX; c < dim; c += GroupSize)
        {
            float centred = TElement.ToSingle(input[row + c]) - centre;
            squares += centred * centred;
        }

        return GroupReduce.Sum(squares);
    }
}
