using System.Numerics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of a reduction is given.</summary>
/// <param name="Input">[outer, length, inner]; reduced over the middle axis.</param>
/// <param name="Centre">A number for each row, [outer, inner] of Float32; or null for zeros.</param>
/// <param name="Partial">Scratch: [outer, chunks, inner] of Float32.</param>
/// <param name="Output">[outer, inner]; of the input's data type or Float32.</param>
/// <param name="Scale">A factor of the result, where the reduction has one.</param>
[Launches(typeof(ReduceVectorized<,>)), Launches(typeof(ReduceChunksVectorized<,>))]
[Launches(typeof(ReducePortable<,>)), Launches(typeof(ReduceChunksPortable<,>))]
internal readonly partial record struct ReduceArguments<TReduction>(Tensor Input, Tensor? Centre, Tensor Partial, Tensor Output, float Scale)
    where TReduction : unmanaged, IReduction<TReduction>
{
    // What one thread of a GPU goes through in the first stage.
    private const int ElementsPerThread = 64;

    public int Length => Input.Shape[1];

    public int Inner => Input.Shape[2];

    /// <summary>Neighbouring rows that a group takes.</summary>
    public int Columns => (int)Math.Min(ReducePortable<Float32, TReduction>.GroupSize, BitOperations.RoundUpToPowerOf2((uint)Inner));

    public int ChunkLength => ElementsPerThread * (ReducePortable<Float32, TReduction>.GroupSize / Columns);

    public int Chunks => Partial.Shape[1];

    public int PartialRows => checked(Input.Shape[0] * Chunks);

    public long Count => Output.Shape.Count;

    public int PartialRowsPerBlock(ComputeDevice device)
        => VectorizedBlocks.RowsPerBlock(device, PartialRows, checked(Math.Min(ChunkLength, Length) * Inner));

    public int ElementsPerBlock(ComputeDevice device) => VectorizedBlocks.ElementsPerBlock(device, Count);

    /// <summary>The arguments with their scratch, which the caller disposes after the launch.</summary>
    public static ReduceArguments<TReduction> Create(Tensor input, Tensor? centre, float scale, DType dtype)
    {
        (int outer, int length, int inner) = (input.Shape[0], input.Shape[1], input.Shape[2]);
        var arguments = new ReduceArguments<TReduction>(input, centre, input, Tensor.Empty(input.Device, [outer, inner], dtype), scale);
        int chunks = (int)(((long)length + arguments.ChunkLength - 1) / arguments.ChunkLength);
        return arguments with { Partial = Tensor.Empty(input.Device, [outer, chunks, inner]) };
    }

    internal static void LaunchPortable(ComputeDevice device, ReduceArguments<TReduction> a)
    {
        if (a.Partial.Shape.Count > 0)
            LaunchReducePortable(device, a);
        LaunchReduceChunksPortable(device, a);
    }

    internal static void LaunchVectorized(ComputeDevice device, ReduceArguments<TReduction> a)
    {
        if (a.Partial.Shape.Count > 0)
            LaunchReduceVectorized(device, a);
        LaunchReduceChunksVectorized(device, a);
    }
}

/// <summary>The two variants of the one reducing kernel, specialised for <typeparamref name="TReduction"/>.</summary>
internal static class ReductionOperator<TReduction>
    where TReduction : unmanaged, IReduction<TReduction>
{
    /// <summary>An operator of the catalogue.</summary>
    public static OperatorDefinition<ReduceArguments<TReduction>> Define(string name, string formula)
        => new(
            name,
            formula,
            [
                new("Vectorized", VariantKind.Vectorized, "SIMD, chunks of rows, then the chunks in order", ReduceArguments<TReduction>.LaunchVectorized),
                new(
                    "Portable",
                    VariantKind.Portable,
                    "64 threads per chunk of a row or of neighbouring rows, then the chunks in order",
                    ReduceArguments<TReduction>.LaunchPortable),
            ]);
}
