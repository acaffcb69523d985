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
        SumRowsArguments.Definition.Run(input.Device, arguments);
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
[Operator("SumRows", "y[g, c] = Σ left[r, c] · right[r, c] over the rows r of group g")]
[Variant(typeof(SumRowsVectorized<>), "SIMD, 64 rows per block, then the blocks in order")]
[Variant(typeof(SumRowsPortable<>), "one thread per column and 64 rows, then the chunks in order")]
[Launches(typeof(SumRowsVectorized<>)), Launches(typeof(SumRowsPortable<>)), Launches(typeof(FoldRowsVectorized<>)), Launches(typeof(FoldRowsPortable<>))]
[Launches(typeof(FoldSegmentsVectorized<>)), Launches(typeof(FoldSegmentsPortable<>))]
internal readonly partial record struct SumRowsArguments(Tensor Left, Tensor? Right, Tensor? Statistics, Tensor Partial, Tensor Output, int Groups, int Columns)
{
    /// <summary>Enough rows to make the second stage small, few enough to occupy a GPU.</summary>
    public const int RowsPerChunk = 64;

    /// <summary>What a sum of partial sums is multiplied with.</summary>
    public const float Factor = 1f;

    public int Dim => Left.Shape[^1];

    public int RowsPerGroup => GainRows.RowCount(Left) / Groups;

    public int Chunks => ChunksOf(RowsPerGroup);

    /// <summary>How many partial sums each number of a group's single column is the sum of.</summary>
    public int Length => checked(Chunks * Dim);

    // The columns of a group stay apart, or its chunks become one number.
    private bool KeepsColumns => Columns == Dim;

    /// <summary>The arguments with their scratch, which the caller disposes after the launch.</summary>
    public static SumRowsArguments Create(Tensor left, Tensor? right, Tensor? statistics, Tensor output, int groups, int columns)
    {
        int dim = left.Shape[^1], rowsPerGroup = GainRows.RowCount(left) / groups;
        Tensor partial = Tensor.Empty(left.Device, [checked(groups * ChunksOf(rowsPerGroup)), dim]);
        return new SumRowsArguments(left, right, statistics, partial, output, groups, columns);
    }

    internal static void LaunchPortable(ComputeDevice device, SumRowsArguments a)
    {
        LaunchSumRowsPortable(device, a);
        if (a.KeepsColumns)
            LaunchFoldRowsPortable(device, a);
        else
            LaunchFoldSegmentsPortable(device, a);
    }

    internal static void LaunchVectorized(ComputeDevice device, SumRowsArguments a)
    {
        LaunchSumRowsVectorized(device, a);
        if (a.KeepsColumns)
            LaunchFoldRowsVectorized(device, a);
        else
            LaunchFoldSegmentsVectorized(device, a);
    }

    private static int ChunksOf(int rows) => (rows + RowsPerChunk - 1) / RowsPerChunk;
}
