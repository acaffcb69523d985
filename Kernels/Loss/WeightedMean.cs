using ILGPU;

namespace GpuTransformer.Kernels;

/// <summary>
/// mean = Σ value / Σ weight and 1 / Σ weight, by one group: values of weightless rows are zero already. A total weight of zero gives zero for both, so that a
/// batch without targets has loss and gradient zero, not NaN.
/// </summary>
internal struct WeightedMeanPortable : IGridKernel
{
    /// <summary>Threads of the one group.</summary>
    public const int GroupSize = GroupReduce.GroupSize;

    public ArrayView<float> Values;        // [rows]
    public ArrayView<float> Weights;       // [rows]
    public ArrayView<float> Mean;          // [1]
    public ArrayView<float> InverseWeight; // [1]

    /// <inheritdoc/>
    public int FirstGroup { get; set; }

    /// <summary>How many groups the launch needs.</summary>
    public const int Groups = 1;

    /// <summary>Grid: one group.</summary>
    public static void Kernel(WeightedMeanPortable p)
    {
        float values = 0f, weights = 0f;
        for (long i = Group.IdxX; i < p.Values.Length; i += GroupSize)
        {
            values += p.Values[i];
            weights += p.Weights[i];
        }

        values = GroupReduce.Sum(values);
        weights = GroupReduce.Sum(weights);
        if (Group.IdxX == 0)
        {
            float inverse = weights > 0f ? 1f / weights : 0f;
            p.Mean[0] = values * inverse;
            p.InverseWeight[0] = inverse;
        }
    }
}

/// <summary>mean = Σ value / Σ weight and 1 / Σ weight; one block, summed in float64, since it is a row's worth of numbers.</summary>
internal unsafe struct WeightedMeanVectorized : IBlockKernel
{
    public float* Values;        // [rows]
    public float* Weights;       // [rows]
    public float* Mean;          // [1]
    public float* InverseWeight; // [1]
    public int Rows;

    /// <summary>How many blocks the launch needs.</summary>
    public const int Blocks = 1;

    public readonly void Execute(int block)
    {
        double values = 0, weights = 0;
        for (int i = 0; i < Rows; i++)
        {
            values += Values[i];
            weights += Weights[i];
        }

        double inverse = weights > 0 ? 1 / weights : 0;
        *Mean = (float)(values * inverse);
        *InverseWeight = (float)inverse;
    }
}
