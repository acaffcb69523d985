using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>The sum of the rows of each group, as the gradient of a bias or shift needs it: y[g, c] = Σ x[r, c] over the rows r of group g.</summary>
    /// <param name="input">[…, dim]</param>
    /// <param name="groups">How many groups of consecutive rows there are; divides the number of rows.</param>
    /// <returns>[dim] for one group, [groups, dim] for more; of the input's data type, summed in float32 in a fixed order.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor SumRows(Tensor input, int groups = 1)
    {
        Arguments.CheckRows(input);
        int rows = GainRows.RowCount(input), dim = input.Shape[^1];
        if (groups < 1 || rows % groups != 0)
            throw Arguments.Wrong(nameof(groups), $"is {groups}, but must divide the {rows} rows of {input.Shape}.");
        Shape shape = groups == 1 ? [dim] : [groups, dim];
        if (input.Shape.Count == 0)
            return Tensor.Zeros(input.Device, shape, input.DType);
        Tensor output = Tensor.Empty(input.Device, shape, input.DType);
        SumRowsArguments arguments = SumRowsArguments.Create(input, null, null, output, groups, dim);
        SumRowsOperator.Definition.Run(input.Device, arguments);
        arguments.Partial.Dispose();
        return output;
    }
}

/// <summary>What a SumRows variant is given.</summary>
/// <param name="Left">[groups · RowsPerGroup, dim]</param>
/// <param name="Right">What the left is multiplied with, of its shape; or null.</param>
/// <param name="Statistics">[rows, 2] of Float32: the right becomes (right − first) · second; or null.</param>
/// <param name="Partial">Scratch: [groups · Chunks, dim] of Float32.</param>
/// <param name="Output">[groups, Columns]</param>
/// <param name="Groups">How many groups of consecutive rows there are.</param>
/// <param name="Columns">The width of a row, or 1 where its sums are added up to one number.</param>
internal readonly record struct SumRowsArguments(Tensor Left, Tensor? Right, Tensor? Statistics, Tensor Partial, Tensor Output, int Groups, int Columns)
{
    /// <summary>Enough rows to make the second stage small, few enough to occupy a GPU.</summary>
    public const int RowsPerChunk = 64;

    public int Dim => Left.Shape[^1];

    public int RowsPerGroup => GainRows.RowCount(Left) / Groups;

    public int Chunks => ChunksOf(RowsPerGroup);

    /// <summary>The arguments with their scratch, which the caller disposes after the launch.</summary>
    public static SumRowsArguments Create(Tensor left, Tensor? right, Tensor? statistics, Tensor output, int groups, int columns)
    {
        int dim = left.Shape[^1], rowsPerGroup = GainRows.RowCount(left) / groups;
        Tensor partial = Tensor.Empty(left.Device, [checked(groups * ChunksOf(rowsPerGroup)), dim]);
        return new SumRowsArguments(left, right, statistics, partial, output, groups, columns);
    }

    private static int ChunksOf(int rows) => (rows + RowsPerChunk - 1) / RowsPerChunk;
}

/// <summary>The sum over rows in the catalogue.</summary>
internal static partial class SumRowsOperator
{
    public static readonly OperatorDefinition<SumRowsArguments> Definition = new(
        "SumRows",
        "y[g, c] = Σ left[r, c] · right[r, c] over the rows r of group g",
        [
            new(
                "Vectorized",
                VariantKind.Vectorized,
                "SIMD, 64 rows per block, then the blocks in order",
                static (device, a) => ElementDispatch.Launch<Vectorized, SumRowsArguments>(device, a, a.Left.DType)),
            new(
                "Portable",
                VariantKind.Portable,
                "one thread per column and 64 rows, then the chunks in order",
                static (device, a) => ElementDispatch.Launch<Portable, SumRowsArguments>(device, a, a.Left.DType)),
        ]);

    internal readonly struct Portable : IElementLaunch<SumRowsArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SumRowsArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            const int GroupSize = SumRowsPortable<TElement>.GroupSize;
            int tiles = (a.Dim + GroupSize - 1) / GroupSize;
            device.Launch(SumRowsPortable<TElement>.Kernel, (long)a.Groups * a.Chunks * tiles, GroupSize, new SumRowsPortable<TElement>
            {
                Left = a.Left.View<TElement>(),
                Right = a.Right?.View<TElement>() ?? default,
                Statistics = a.Statistics?.View<float>() ?? default,
                Partial = a.Partial.View<float>(),
                Dim = a.Dim,
                RowsPerGroup = a.RowsPerGroup,
                RowsPerChunk = SumRowsArguments.RowsPerChunk,
                Chunks = a.Chunks,
            });
            if (a.Columns == a.Dim)
            {
                device.Launch(FoldRowsPortable<TElement>.Kernel, (long)a.Groups * tiles, GroupSize, new FoldRowsPortable<TElement>
                {
                    Partial = a.Partial.View<float>(),
                    Output = a.Output.View<TElement>(),
                    Dim = a.Dim,
                    Chunks = a.Chunks,
                });
            }
            else
            {
                FoldSegments.LaunchPortable<TElement>(device, a.Partial, a.Output, a.Groups, 1f);
            }
        }
    }

    internal readonly unsafe struct Vectorized : IElementLaunch<SumRowsArguments>
    {
        public static void Launch<TElement>(ComputeDevice device, SumRowsArguments a)
            where TElement : unmanaged, IElement<TElement>
        {
            device.Launch(a.Groups * a.Chunks, new SumRowsVectorized<TElement>
            {
                Left = a.Left.Pointer<TElement>(),
                Right = a.Right is null ? null : a.Right.Pointer<TElement>(),
                Statistics = a.Statistics is null ? null : a.Statistics.Pointer<float>(),
                Partial = a.Partial.Pointer<float>(),
                Dim = a.Dim,
                RowsPerGroup = a.RowsPerGroup,
                RowsPerChunk = SumRowsArguments.RowsPerChunk,
                Chunks = a.Chunks,
            });
            if (a.Columns == a.Dim)
                device.Launch(
                    a.Groups,
                    new FoldRowsVectorized<TElement> { Partial = a.Partial.Pointer<float>(), Output = a.Output.Pointer<TElement>(), Dim = a.Dim,
                        Chunks = a.Chunks });
            else
                FoldSegments.LaunchVectorized<TElement>(device, a.Partial, a.Output, a.Groups, 1f);
        }
    }
}

/// <summary>The last stage of reductions to single numbers: the sum of each segment of the partial sums.</summary>
internal static class FoldSegments
{
    /// <summary>output[s] = factor · Σ partial over segment s.</summary>
    public static void LaunchPortable<TElement>(ComputeDevice device, Tensor partial, Tensor output, int segments, float factor)
        where TElement : unmanaged, IElement<TElement>
        => device.Launch(FoldSegmentsPortable<TElement>.Kernel, segments, FoldSegmentsPortable<TElement>.GroupSize, new FoldSegmentsPortable<TElement>
        {
            Partial = partial.View<float>(),
            Output = output.View<TElement>(),
            Length = checked((int)(partial.Shape.Count / segments)),
            Factor = factor,
        });

    /// <summary>output[s] = factor · Σ partial over segment s.</summary>
    public static unsafe void LaunchVectorized<TElement>(ComputeDevice device, Tensor partial, Tensor output, int segments, float factor)
        where TElement : unmanaged, IElement<TElement>
        => device.Launch(segments, new FoldSegmentsVectorized<TElement>
        {
            Partial = partial.Pointer<float>(),
            Output = output.Pointer<TElement>(),
            Length = checked((int)(partial.Shape.Count / segments)),
            Factor = factor,
        });
}
