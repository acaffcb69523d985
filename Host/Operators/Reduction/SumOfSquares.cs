using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// sqrt(Σ x²) over all elements of all <paramref name="tensors"/>: the global norm that gradients are clipped by. Waits for the device. Not finite if an
    /// element is not.
    /// </summary>
    /// <param name="tensors">On one device, real numbers; none gives zero.</param>
    /// <remarks>
    /// Partial sums of fixed stretches in float32 on the device, summed in float64 on the host: deterministic, whatever the number of threads.
    /// </remarks>
    /// <exception cref="ArgumentException">A device or data type does not fit; nothing was launched.</exception>
    public static double GlobalNorm(IReadOnlyList<Tensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.Count == 0)
            return 0;
        ComputeDevice device = tensors[0].Device;
        using DeviceTurn turn = device.Enter();
        int total = 0;
        foreach (Tensor tensor in tensors)
        {
            Arguments.CheckFloating(device, tensor, nameof(tensors));
            total += SumOfSquaresArguments.PartialCount(tensor);
        }

        using StepScope scope = device.BeginStep();
        Tensor partials = Tensor.Empty(device, [total]);
        int start = 0;
        foreach (Tensor tensor in tensors)
        {
            int count = SumOfSquaresArguments.PartialCount(tensor);
            if (count > 0)
                SumOfSquaresArguments.Definition.Run(device, new SumOfSquaresArguments(tensor, partials.Slice(start, [count])));
            start += count;
        }

        double sum = 0;
        foreach (float partial in partials.ToArray())
            sum += partial;
        return Math.Sqrt(sum);
    }
}

/// <summary>What a SumOfSquares variant is given.</summary>
[Operator("SumOfSquares", "partial[g] = Σ x² over the g-th 4,096 elements")]
[Variant(typeof(SumOfSquaresVectorized<>), "SIMD, one block per partial sum")]
[Variant(typeof(SumOfSquaresPortable<>), "64 threads per partial sum")]
internal readonly partial record struct SumOfSquaresArguments(Tensor Input, Tensor Partials)
{
    private const int ElementsPerPartial = SumOfSquaresPortable<Float32>.ElementsPerPartial;

    public static int PartialCount(Tensor tensor) => checked((int)((tensor.Shape.Count + ElementsPerPartial - 1) / ElementsPerPartial));

    public long Count => Input.Shape.Count;
}
