using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>What a CopyRows variant is given.</summary>
/// <param name="Input">[batch or 1, InputRows, dim]</param>
/// <param name="Index">[batch, Rows] of Int32 or Int64; an index that is no row of the input gives zeros; or null.</param>
/// <param name="Mask">[batch, Rows] of Bool; or null.</param>
/// <param name="Output">[batch, OutputRows, dim]</param>
/// <param name="Walk">Where the rows come from and go to; the index stride follows from the index.</param>
[Operator("CopyRows", "y[b, start + r] = scale · x[b, index[b, r]], zero where masked")]
[Variant(typeof(CopyRowsVectorized<>), "whole rows copied, some per block")]
[Variant(typeof(CopyRowsPortable<>), "one thread per element")]
internal readonly partial record struct CopyRowsArguments(Tensor Input, Tensor? Index, Tensor? Mask, Tensor Output, CopyRowsShape Walk)
{
    /// <summary>What is walked, and how the index is stored.</summary>
    public CopyRowsShape Shape => Walk with { IndexStride = Index is { DType: DType.Int64 } ? 2 : 1 };

    public int RowsPerBlock(ComputeDevice device) => VectorizedBlocks.RowsPerBlock(device, checked(Walk.Batch * Walk.Rows), Walk.Dim);

    /// <summary>A copy that fills an output of [batch, rows, dim].</summary>
    public static CopyRowsShape WholeOutput(int batch, int rows, int dim, int inputRows) => new()
    {
        Batch = batch,
        Rows = rows,
        Dim = dim,
        InputRows = inputRows,
        OutputRows = rows,
        Scale = 1f,
    };
}

/// <summary>The copying of rows in the catalogue: what stands behind Embedding, GatherRows, SliceRows, Concatenate and MaskRows.</summary>
internal static partial class CopyRowsOperator
{
    /// <summary>Launches, unless there is nothing to copy.</summary>
    public static void Run(in CopyRowsArguments arguments)
    {
        CopyRowsShape shape = arguments.Walk;
        if (shape.Batch > 0 && shape.Rows > 0 && shape.Dim > 0)
            CopyRowsArguments.Definition.Run(arguments.Output.Device, arguments);
    }

    /// <summary>y[b, r] = x[b, index[b, r]], zero where the index is out of range; the arguments were checked.</summary>
    public static Tensor Gather(Tensor input, Tensor index)
    {
        (int batch, int rows, int dim, int picked) = (input.Shape[0], input.Shape[1], input.Shape[2], index.Shape[1]);
        Tensor output = Tensor.Empty(input.Device, [batch, picked, dim], input.DType);
        Run(new CopyRowsArguments(input, index, null, output, CopyRowsArguments.WholeOutput(batch, picked, dim, rows)));
        return output;
    }

    /// <summary>Reads the indices back and checks that every one is in [0, <paramref name="limit"/>).</summary>
    /// <exception cref="ArgumentException">One is not; the message says which.</exception>
    public static void CheckIndices(Tensor index, int limit, string name, string meaning)
    {
        if (index.DType is not (DType.Int32 or DType.Int64))
            throw Arguments.Wrong(name, $"holds {index.DType}, but Int32 or Int64 is needed.");
        if (index.KnownIntegers is { } known && known.AreBelow(limit))
            return;
        long[] values = index.ToInt64Array();
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] < 0 || values[i] >= limit)
                throw Arguments.Wrong(name, $"holds {values[i]} at position {i}, but {meaning} {limit}: only 0 to {limit - 1} is valid.");
        }
    }
}
