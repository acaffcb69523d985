using System.Runtime.Intrinsics;

namespace GpuTransformer.Kernels;

/// <summary>loss = mean over the row of f(prediction − target) with SIMD, some rows per block; zero where the row is masked out.</summary>
internal unsafe struct RowLossVectorized<TElement, TLoss> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
    where TLoss : unmanaged, IRowLoss<TLoss>
{
    public TElement* Prediction; // [rows, dim]
    public TElement* Target;     // [rows, dim]
    public byte* Mask;           // [rows] or null
    public float* Loss;          // [rows]
    public float* Weight;        // [rows]
    public int Rows;
    public int Dim;
    public int RowsPerBlock;
    public TLoss Function;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            bool counts = Mask == null || Mask[row] != 0;
            Loss[row] = counts ? Mean(Prediction + (long)row * Dim, Target + (long)row * Dim) : 0f;
            Weight[row] = counts ? 1f : 0f;
        }
    }

    private readonly float Mean(TElement* prediction, TElement* target)
    {
        Vector512<float> sums = default;
        int whole = Dim - Dim % ElementVector.Width;
        for (int c = 0; c < whole; c += ElementVector.Width)
            sums += TLoss.Apply(Function, ElementVector.Load(prediction + c) - ElementVector.Load(target + c));

        // Lanes beyond the row would count as a difference of zero, whose loss need not be zero.
        float sum = Vector512.Sum(sums);
        for (int c = whole; c < Dim; c++)
            sum += TLoss.Apply(Function, TElement.ToSingle(prediction[c]) - TElement.ToSingle(target[c]));
        return sum / Dim;
    }
}

/// <summary>d loss / d prediction = f′(prediction − target) / dim · upstream / Σ weight, with SIMD; zero in rows without weight, whatever they hold.</summary>
internal unsafe struct RowLossBackwardVectorized<TElement, TLoss> : IBlockKernel
    where TElement : unmanaged, IElement<TElement>
    where TLoss : unmanaged, IRowLoss<TLoss>
{
    public TElement* Prediction;         // [rows, dim]
    public TElement* Target;             // [rows, dim]
    public float* Weight;                // [rows]
    public float* Upstream;              // [1]
    public float* InverseWeight;         // [1]
    public TElement* PredictionGradient; // [rows, dim]
    public int Rows;
    public int Dim;
    public int RowsPerBlock;
    public TLoss Function;

    /// <summary>How many blocks the launch needs.</summary>
    public readonly int Blocks => (Rows + RowsPerBlock - 1) / RowsPerBlock;

    public readonly void Execute(int block)
    {
        int end = Math.Min(Rows, (block + 1) * RowsPerBlock);
        for (int row = block * RowsPerBlock; row < end; row++)
        {
            long start = (long)row * Dim;
            bool counts = Weight[row] > 0f;
            float scale = 1f / Dim * *Upstream * *InverseWeight;
            for (int c = 0; c < Dim; c += ElementVector.Width)
            {
                Vector512<float> difference = ElementVector.Load(Prediction + start + c, Dim - c) - ElementVector.Load(Target + start + c, Dim - c);
                ElementVector.Store(counts ? TLoss.Gradient(Function, difference) * scale : default, PredictionGradient + start + c, Dim - c);
            }
        }
    }
}
