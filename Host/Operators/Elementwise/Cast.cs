using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The same numbers in another data type, rounded to nearest, ties to even; beyond float16's range they become infinite.</summary>
    /// <param name="input">Any shape.</param>
    /// <param name="dtype">Float32, Float16 or BFloat16.</param>
    /// <returns>A new tensor, also where the data type stays the same.</returns>
    /// <exception cref="ArgumentException">The device does not fit, or a data type does not hold real numbers; nothing was launched.</exception>
    public static Tensor Cast(Tensor input, DType dtype)
    {
        ArgumentNullException.ThrowIfNull(input);
        Arguments.CheckFloating(input.Device, input);
        if (!dtype.IsFloatingPoint())
            throw Arguments.Wrong(nameof(dtype), $"is {dtype}, but a cast needs one that holds real numbers: Float32, Float16 or BFloat16.");
        Tensor output = Tensor.Empty(input.Device, input.Shape, dtype);
        if (output.Shape.Count > 0)
            CastOperator.Definition.Run(input.Device, new ElementwiseArguments<ScaleOperation>(input, null, output, CastOperator.Unchanged));
        if (input.Device.Records(input))
            Record(input, output);
        return output;

        static void Record(Tensor input, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, Cast(gradient, input.DType)));
    }
}

/// <summary>Conversion between data types in the catalogue: multiplication by one, reading one storage type and writing another.</summary>
internal static class CastOperator
{
    public static readonly ScaleOperation Unchanged = new(1f);

    public static readonly OperatorDefinition<ElementwiseArguments<ScaleOperation>> Definition = new(
        "Cast",
        "y = x in another storage type",
        [
            new(
                "Vectorized",
                VariantKind.Vectorized,
                "SIMD, some thousand elements per block",
                ElementwiseArguments<ScaleOperation>.LaunchElementwiseVectorizedPairs),
            new("Portable", VariantKind.Portable, "four elements per thread", ElementwiseArguments<ScaleOperation>.LaunchElementwisePortablePairs),
        ]);
}
