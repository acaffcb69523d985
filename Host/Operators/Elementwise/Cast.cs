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
                static (device, a) => ElementDispatch.Launch<From<Vectorized>, ElementwiseArguments<ScaleOperation>>(device, a, a.Left.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "four elements per thread",
                static (device, a) => ElementDispatch.Launch<From<Portable>, ElementwiseArguments<ScaleOperation>>(device, a, a.Left.DType)),
        ]);

    /// <summary>A launch that is generic over both storage types.</summary>
    private interface IPairLaunch
    {
        static abstract void Launch<TInput, TOutput>(ComputeDevice device, in ElementwiseArguments<ScaleOperation> a)
            where TInput : unmanaged, IElement<TInput>
            where TOutput : unmanaged, IElement<TOutput>;
    }

    private readonly struct Portable : IPairLaunch
    {
        public static void Launch<TInput, TOutput>(ComputeDevice device, in ElementwiseArguments<ScaleOperation> a)
            where TInput : unmanaged, IElement<TInput>
            where TOutput : unmanaged, IElement<TOutput>
            => ElementwiseOperator<ScaleOperation>.LaunchPortable<TInput, TOutput>(device, a);
    }

    private readonly struct Vectorized : IPairLaunch
    {
        public static void Launch<TInput, TOutput>(ComputeDevice device, in ElementwiseArguments<ScaleOperation> a)
            where TInput : unmanaged, IElement<TInput>
            where TOutput : unmanaged, IElement<TOutput>
            => ElementwiseOperator<ScaleOperation>.LaunchVectorized<TInput, TOutput>(device, a);
    }

    private readonly struct From<TLaunch> : IElementLaunch<ElementwiseArguments<ScaleOperation>>
        where TLaunch : IPairLaunch
    {
        public static void Launch<TInput>(ComputeDevice device, ElementwiseArguments<ScaleOperation> a)
            where TInput : unmanaged, IElement<TInput>
            => ElementDispatch.Launch<To<TLaunch, TInput>, ElementwiseArguments<ScaleOperation>>(device, a, a.Output.DType);
    }

    private readonly struct To<TLaunch, TInput> : IElementLaunch<ElementwiseArguments<ScaleOperation>>
        where TLaunch : IPairLaunch
        where TInput : unmanaged, IElement<TInput>
    {
        public static void Launch<TOutput>(ComputeDevice device, ElementwiseArguments<ScaleOperation> a)
            where TOutput : unmanaged, IElement<TOutput>
            => TLaunch.Launch<TInput, TOutput>(device, a);
    }
}
