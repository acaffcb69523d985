using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>Normalises rows with SIMD, <see cref="RowsPerBlock"/> of them per block: y = (x − centre) · factor · (gain + offset).</summary>
internal unsafe struct RowNormVectorized<TElement, TNormalization> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
    where TNormalization : unmanaged, INormalization
{
    public TElement* Input;  // [rows, dim]
    public GainRowsVectorized<TElement> Gain;
    public TElement* Output; // [rows, dim]
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
            Row(Input + (long)row * Dim, Gain.Row(row), Output + (long)row * Dim);
    }

    private readonly void Row(TElement* input, GainRow<TElement> gain, TElement* output)
    {
        float mean = RowStatistics<TElement, TNormalization>.Centre(input, Dim);
        Vector512<float> centre = Vector512.Create(mean);
        Vector512<float> factor = Vector512.Create(TNormalization.Factor(RowStatistics<TElement, TNormalization>.SumOfSquares(input, Dim, mean), Dim, Epsilon));
        for (int c = 0; c < Dim; c += ElementVector.Width)
        {
            Vector512<float> normalized = (ElementVector.Load(input + c, Dim - c) - centre) * factor;
            ElementVector.Store(normalized * gain.Load(c, Dim - c), output + c, Dim - c);
        }
    }
}

/// <summary>What a normalisation needs to know of a row, with SIMD.</summary>
internal static unsafe class RowStatistics<TElement, TNormalization>
    where TElement : unmanaged, IElement<TElement>
    where TNormalization : unmanaged, INormalization
{
    /// <summary>The mean, or zero where the normalisation is not centred.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Centre(TElement* row, int dim)
    {
        if (!TNormalization.IsCentred)
            return 0f;
        Vector512<float> sums = default;
        for (int c = 0; c < dim; c += ElementVector.Width)
            sums += ElementVector.Load(row + c, dim - c);
        return Vector512.Sum(sums) / dim;
    }

    /// <summary>Σ (x − centre)².</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumOfSquares(TElement* row, int dim, float centre)
    {
        Vector512<float> centres = Vector512.Create(centre), squares = default;
        for (int c = 0; c < dim; c += ElementVector.Width)
        {
            // Filling with the centre makes the missing lanes count as zero.
            Vector512<float> centred = ElementVector.Load(row + c, dim - c, centre) - centres;
            squares = Vector512.FusedMultiplyAdd(centred, centred, squares);
        }

        return Vector512.Sum(squares);
    }
}
