using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a WeightedMean variant is given.</summary>
internal readonly record struct WeightedMeanArguments(Tensor Values, Tensor Weights, Tensor Mean, Tensor InverseWeight);

/// <summary>WeightedMean in the catalogue: the last step of every loss.</summary>
internal static class WeightedMeanOperator
{
    public static readonly OperatorDefinition<WeightedMeanArguments> Definition = new(
        "WeightedMean",
        "mean = Σ value / Σ weight; values of weightless rows are zero",
        [
            new("Vectorized", VariantKind.Vectorized, "one block", LaunchVectorized),
            new("Portable", VariantKind.Portable, "one group", LaunchPortable),
        ]);

    /// <summary>The mean as a scalar, and one over the total weight.</summary>
    public static (Tensor Mean, Tensor InverseWeight) Run(Tensor values, Tensor weights)
    {
        Tensor mean = Tensor.Empty(values.Device, []), inverse = Tensor.Empty(values.Device, []);
        Definition.Run(values.Device, new WeightedMeanArguments(values, weights, mean, inverse));
        return (mean, inverse);
    }

    private static void LaunchPortable(ComputeDevice device, WeightedMeanArguments a)
        => device.Launch(WeightedMeanPortable.Kernel, 1, WeightedMeanPortable.GroupSize, new WeightedMeanPortable
        {
            Values = a.Values.View<float>(),
            Weights = a.Weights.View<float>(),
            Mean = a.Mean.View<float>(),
            InverseWeight = a.InverseWeight.View<float>(),
        });

    private static unsafe void LaunchVectorized(ComputeDevice device, WeightedMeanArguments a)
        => device.Launch(1, new WeightedMeanVectorized
        {
            Values = a.Values.Pointer<float>(),
            Weights = a.Weights.Pointer<float>(),
            Mean = a.Mean.Pointer<float>(),
            InverseWeight = a.InverseWeight.Pointer<float>(),
            Rows = checked((int)a.Values.Shape.Count),
        });
}
