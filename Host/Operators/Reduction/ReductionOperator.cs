using System.Numerics;
using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a variant of a reduction is given.</summary>
/// <param name="Input">[outer, length, inner]; reduced over the middle axis.</param>
/// <param name="Centre">A number for each row, [outer, inner] of Float32; or null for zeros.</param>
/// <param name="Partial">Scratch: [outer, chunks, inner] of Float32.</param>
/// <param name="Output">[outer, inner]; of the input's data type or Float32.</param>
/// <param name="Scale">A factor of the result, where the reduction has one.</param>
internal readonly record struct ReduceArguments<TReduction>(Tensor Input, Tensor? Centre, Tensor Partial, Tensor Output, float Scale)
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

    /// <summary>The arguments with their scratch, which the caller disposes after the launch.</summary>
    public static ReduceArguments<TReduction> Create(Tensor input, Tensor? centre, float scale, DType dtype)
    {
        (int outer, int length, int inner) = (input.Shape[0], input.Shape[1], input.Shape[2]);
        var arguments = new ReduceArguments<TReduction>(input, centre, input, Tensor.Empty(input.Device, [outer, inner], dtype), scale);
        int chunks = (int)(((long)length + arguments.ChunkLength - 1) / arguments.ChunkLength);
        return arguments with { Partial = Tensor.Empty(input.Device, [outer, chunks, inner]) };
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
                new("Vectorized", VariantKind.Vectorized, "SIMD, chunks of rows, then the chunks in order", static (device, a) =>
                {
                    if (a.Partial.Shape.Count > 0)
                        ElementDispatch.Launch<VectorizedChunks, ReduceArguments<TReduction>>(device, a, a.Input.DType);
                    ElementDispatch.Launch<Vectorized, ReduceArguments<TReduction>>(device, a, a.Output.DType);
                }),
                new("Portable", VariantKind.Portable, "64 threads per chunk of a row or of neighbouring rows, then the chunks in order", static (device, a) =>
                {
                    if (a.Partial.Shape.Count > 0)
                        ElementDispatch.Launch<PortableChunks, ReduceArguments<TReduction>>(device, a, a.Input.DType);
                    ElementDispatch.Launch<Portable, ReduceArguments<TReduction>>(device, a, a.Output.DType);
                }),
            ]);

    private readonly struct PortableChunks : IElementLaunch<ReduceArguments<TReduction>>
    {
        public static void Launch<TElement>(ComputeDevice device, ReduceArguments<TReduction> a)
            where TElement : unmanaged, IElement<TElement>
            => device.Launch(
                ReducePortable<TElement, TReduction>.Kernel,
                (long)a.Input.Shape[0] * a.Chunks * ((a.Inner + a.Columns - 1) / a.Columns),
                ReducePortable<TElement, TReduction>.GroupSize,
                new ReducePortable<TElement, TReduction>
                {
                    Input = a.Input.View<TElement>(),
                    Centre = a.Centre?.View<float>() ?? default,
                    Partial = a.Partial.View<float>(),
                    Length = a.Length,
                    Inner = a.Inner,
                    Chunks = a.Chunks,
                    ChunkLength = a.ChunkLength,
                    Columns = a.Columns,
                });
    }

    private readonly struct Portable : IElementLaunch<ReduceArguments<TReduction>>
    {
        public static void Launch<TElement>(ComputeDevice device, ReduceArguments<TReduction> a)
            where TElement : unmanaged, IElement<TElement>
        {
            const int GroupSize = ReduceChunksPortable<TElement, TReduction>.GroupSize;
            device.Launch(ReduceChunksPortable<TElement, TReduction>.Kernel, (a.Output.Shape.Count + GroupSize - 1) / GroupSize, GroupSize,
                new ReduceChunksPortable<TElement, TReduction>
            {
                Partial = a.Partial.View<float>(),
                Centre = a.Centre?.View<float>() ?? default,
                Output = a.Output.View<TElement>(),
                Inner = a.Inner,
                Chunks = a.Chunks,
                Scale = a.Scale,
            });
        }
    }

    private readonly unsafe struct VectorizedChunks : IElementLaunch<ReduceArguments<TReduction>>
    {
        public static void Launch<TElement>(ComputeDevice device, ReduceArguments<TReduction> a)
            where TElement : unmanaged, IElement<TElement>
        {
            int count = checked(a.Input.Shape[0] * a.Chunks), perBlock = VectorizedBlocks.RowsPerBlock(
                device, count, checked(Math.Min(a.ChunkLength, a.Length) * a.Inner));
            device.Launch((count + perBlock - 1) / perBlock, new ReduceVectorized<TElement, TReduction>
            {
                Input = a.Input.Pointer<TElement>(),
                Centre = a.Centre is null ? null : a.Centre.Pointer<float>(),
                Partial = a.Partial.Pointer<float>(),
                Length = a.Length,
                Inner = a.Inner,
                Chunks = a.Chunks,
                ChunkLength = a.ChunkLength,
                Count = count,
                CountPerBlock = perBlock,
            });
        }
    }

    private readonly unsafe struct Vectorized : IElementLaunch<ReduceArguments<TReduction>>
    {
        public static void Launch<TElement>(ComputeDevice device, ReduceArguments<TReduction> a)
            where TElement : unmanaged, IElement<TElement>
        {
            long count = a.Output.Shape.Count;
            int perBlock = VectorizedBlocks.ElementsPerBlock(device, count);
            device.Launch(checked((int)((count + perBlock - 1) / perBlock)), new ReduceChunksVectorized<TElement, TReduction>
            {
                Partial = a.Partial.Pointer<float>(),
                Centre = a.Centre is null ? null : a.Centre.Pointer<float>(),
                Output = a.Output.Pointer<TElement>(),
                Inner = a.Inner,
                Chunks = a.Chunks,
                Count = count,
                CountPerBlock = perBlock,
                Scale = a.Scale,
            });
        }
    }
}
