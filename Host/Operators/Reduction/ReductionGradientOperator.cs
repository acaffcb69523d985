using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of a reduction's way back is given.</summary>
/// <param name="Gradient">[outer, inner]</param>
/// <param name="Input">[outer, length, inner]</param>
/// <param name="Centre">A number for each row, [outer, inner] of Float32; or null.</param>
/// <param name="Ties">How many elements of each row share the gradient, [outer, inner] of Float32; or null.</param>
/// <param name="Output">Of the input's shape and data type.</param>
/// <param name="Scale">The reduction's factor.</param>
[Launches(typeof(ReduceBackwardVectorized<,>)), Launches(typeof(ReduceBackwardPortable<,>))]
internal readonly partial record struct ReduceBackwardArguments<TGradient>(
    Tensor Gradient, Tensor Input, Tensor? Centre, Tensor? Ties, Tensor Output, float Scale)
    where TGradient : unmanaged, IReductionGradient<TGradient>
{
    public int Length => Input.Shape[1];

    public int Inner => Input.Shape[2];

    public long Count => Output.Shape.Count;

    public int ElementsPerBlock(ComputeDevice device) => VectorizedBlocks.ElementsPerBlock(device, Count);
}

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
                    ReduceBackwardArguments<TGradient>.LaunchReduceBackwardVectorized),
                new(
                    "Portable",
                    VariantKind.Portable,
                    "four elements per thread",
                    ReduceBackwardArguments<TGradient>.LaunchReduceBackwardPortable),
            ]);
}
