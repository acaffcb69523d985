using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a WeightedMean variant is given.</summary>
[Operator("WeightedMean", "mean = Σ value / Σ weight; values of weightless rows are zero")]
[Variant(typeof(WeightedMeanVectorized), "one block")]
[Variant(typeof(WeightedMeanPortable), "one group")]
internal readonly partial record struct WeightedMeanArguments(Tensor Values, Tensor Weights, Tensor Mean, Tensor InverseWeight)
{
    public int Rows => checked((int)Values.Shape.Count);
}

/// <summary>The last step of every loss.</summary>
internal static class WeightedMeanOperator
{
    /// <summary>The mean as a scalar, and one over the total weight.</summary>
    public static (Tensor Mean, Tensor InverseWeight) Run(Tensor values, Tensor weights)
    {
        Tensor mean = Tensor.Empty(values.Device, []), inverse = Tensor.Empty(values.Device, []);
        WeightedMeanArguments.Definition.Run(values.Device, new WeightedMeanArguments(values, weights, mean, inverse));
        return (mean, inverse);
    }
}
