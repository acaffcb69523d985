using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of a reduction's way back is given.</summary>
/// <param name="Gradient">[outer, inner]</param>
/// <param name="Input">[outer, length, inner]</param>
/// <param name="Centre">A number for each row, [outer, inner] of Float32; or null.</param>
/// <param name="Ties">How many elements of each row share the gradient, [outer, inner] of Float32; or null.</param>
/// <param name="Output">Of the input's shape and data type.</param>
/// <param name="Scale">The reduction's factor.</param>
internal readonly record struct ReduceBackwardArguments<TGradient>(Tensor Gradient, Tensor Input, Tensor? Centre, Tensor? Ties, Tensor Output, float Scale)
    where TGradient : unmanaged, IReductionGradient<TGradient>;

/// <summary>The two variants of the one kernel that goes back through a reduction, specialised for <typeparamref name="TGradient"/>.</summary>
internal static class ReductionGradientOperator<TGradient>
    where TGradient : unmanaged, IReductionGradient<TGradient>
{
    /// <summary>An operator of the catalogue.</summary>
    public static OperatorDefinition<ReduceBackwardArguments<TGradient>> Define(string name, string formula)
        => new(
            name,
            formula,
            [
                new(
                    "Vectorized",
                    VariantKind.Vectorized,
                    "SIMD, some thousand elements per block",
                    static (device, a) => ElementDispatch.Launch<Vectorized, ReduceBackwardArguments<TGradient>>(device, a, a.Output.DType)),
                new(
                    "Portable",
                    VariantKind.Portable,
                    "four elements per thread",
                    static (device, a) => ElementDispatch.Launch<Portable, ReduceBackwardArguments<TGradient>>(device, a, a.Output.DType)),
            ]);

    private readonly struct Portable : IElementLaunch<ReduceBackwardArguments<TGradient>>
    {
        public static void Launch<TElement>(ComputeDevice device, ReduceBackwardArguments<TGradient> a)
            where TElement : unmanaged, IElement<TElement>
        {
            const int PerGroup = ReduceBackwardPortable<TElement, TGradient>.ElementsPerGroup;
            device.Launch(
                ReduceBackwardPortable<TElement, TGradient>.Kernel,
                (a.Output.Shape.Count + PerGroup - 1) / PerGroup,
                ReduceBackwardPortable<TElement, TGradient>.GroupSize,
                new ReduceBackwardPortable<TElement, TGradient>
                {
                    Gradient = a.Gradient.View<TElement>(),
                    Input = a.Input.View<TElement>(),
                    Centre = a.Centre?.View<float>() ?? default,
                    Ties = a.Ties?.View<float>() ?? default,
                    Output = a.Output.View<TElement>(),
                    Length = a.Input.Shape[1],
                    Inner = a.Input.Shape[2],
                    Scale = a.Scale,
                });
        }
    }

    private readonly unsafe struct Vectorized : IElementLaunch<ReduceBackwardArguments<TGradient>>
    {
        public static void Launch<TElement>(ComputeDevice device, ReduceBackwardArguments<TGradient> a)
            where TElement : unmanaged, IElement<TElement>
        {
            long count = a.Output.Shape.Count;
            int perBlock = VectorizedBlocks.ElementsPerBlock(device, count);
            device.Launch(checked((int)((count + perBlock - 1) / perBlock)), new ReduceBackwardVectorized<TElement, TGradient>
            {
                Gradient = a.Gradient.Pointer<TElement>(),
                Input = a.Input.Pointer<TElement>(),
                Centre = a.Centre is null ? null : a.Centre.Pointer<float>(),
                Ties = a.Ties is null ? null : a.Ties.Pointer<float>(),
                Output = a.Output.Pointer<TElement>(),
                Length = a.Input.Shape[1],
                Inner = a.Input.Shape[2],
                Count = count,
                ElementsPerBlock = perBlock,
                Scale = a.Scale,
            });
        }
    }
}
