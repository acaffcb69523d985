using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>loss = mean over the row of f(prediction − target), one row per group; loss and weight are zero where the row is masked out.</summary>
internal struct RowLossPortable<TElement, TLoss> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TLoss : unmanaged, IRowLoss<TLoss>
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Prediction; // [rows, dim]
    public ArrayView<TElement> Target;     // [rows, dim]
    public ArrayView<byte> Mask;           // [rows] or empty
    public ArrayView<float> Loss;          // [rows]
    public ArrayView<float> Weight;        // [rows], 0 where masked out, else 1
    public int Dim;
    public TLoss Function;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Loss.Length;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(RowLossPortable<TElement, TLoss> p)
    {
        int row = p.FirstGroup + Grid.IdxX;
        long start = (long)row * p.Dim;
        float sum = 0f;
        for (int c = Group.IdxX; c < p.Dim; c += GroupSize)
            sum += TLoss.Apply(p.Function, TElement.ToSingle(p.Prediction[start + c]) - TElement.ToSingle(p.Target[start + c]));

        sum = GroupReduce.Sum(sum);
        if (Group.IdxX == 0)
        {
            float weight = 1f;
            if (p.Mask.Length > 0)
                weight = p.Mask[row] != 0 ? 1f : 0f;
            p.Loss[row] = weight > 0f ? sum / p.Dim : 0f;
            p.Weight[row] = weight;
        }
    }
}

/// <summary>d loss / d prediction = f′(prediction − target) / dim · upstream / Σ weight; zero in rows without weight, whatever they hold.</summary>
internal struct RowLossBackwardPortable<TElement, TLoss> : IGridKernel
    where TElement : unmanaged, IElement<TElement>
    where TLoss : unmanaged, IRowLoss<TLoss>
{
    /// <summary>Threads per row.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<TElement> Prediction;         // [rows, dim]
    public ArrayView<TElement> Target;             // [rows, dim]
    public ArrayView<float> Weight;                // [rows]
    public ArrayView<float> Upstream;              // [1]
    public ArrayView<float> InverseWeight;         // [1]
    public ArrayView<TElement> PredictionGradient; // [rows, dim]
    public int Dim;
    public TLoss Function;

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public readonly long Groups => Weight.Length;

    /// <summary>Grid: one group per row.</summary>
    public static void Kernel(RowLossBackwardPortable<TElement, TLoss> p)
    {
        int row = p.FirstGroup + Grid.IdxX;
        long start = (long)row * p.Dim;
        bool counts = p.Weight[row] > 0f;
        float scale = 1f / p.Dim * p.Upstream[0] * p.InverseWeight[0];
        for (int c = Group.IdxX; c < p.Dim; c += GroupSize)
        {
            float difference = TElement.ToSingle(p.Prediction[start + c]) - TElement.ToSingle(p.Target[start + c]);
            p.PredictionGradient[start + c] = TElement.FromSingle(counts ? TLoss.Gradient(p.Function, difference) * scale : 0f);
        }
    }
}
