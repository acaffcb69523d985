using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>
    /// Adds rows to where an index sends them: y[b, v] = Σ x[b, r] over the rows r with index[b, r] = v, zero where there is none.
    /// The gradient of <see cref="GatherRows"/>.
    /// </summary>
    /// <param name="input">[batch, m, dim]</param>
    /// <param name="index">[batch, m], Int32 or Int64; a row whose index is not in [0, rows) goes nowhere.</param>
    /// <param name="rows">How many rows each sequence of the result has.</param>
    /// <returns>[batch, rows, dim], of the input's data type, summed in float32 in a fixed order.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor ScatterRows(Tensor input, Tensor index, int rows)
    {
        (int batch, int inputRows, int dim) = Sequences.Check(input, nameof(input));
        Arguments.Check(input.Device, index);
        Arguments.CheckShape(index, [batch, inputRows], $"the input {input.Shape}");
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        Tensor output = Tensor.Empty(input.Device, [batch, rows, dim], input.DType);
        ScatterRowsOperator.Run(new ScatterRowsArguments(input, index, output, 1f));
        if (input.Device.Records(input))
            Record(input, index, output);
        return output;

        static void Record(Tensor input, Tensor index, Tensor output)
            => input.Device.Record(output, gradient => GradientTape.Accumulate(input, CopyRowsOperator.Gather(gradient, index)), index);
    }

    /// <summary>The gradient of <see cref="Embedding"/> with respect to the table: row v is scale · Σ dy over the positions whose id is v.</summary>
    /// <param name="outputGradient">dy […, dim]</param>
    /// <param name="ids">[…], as in the forward; a gradient whose id is not in [0, entries) goes nowhere.</param>
    /// <param name="entries">How many rows the table has.</param>
    /// <param name="scale">As in the forward.</param>
    /// <returns>[entries, dim], of the gradient's data type, summed in float32 in a fixed order.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit; nothing was launched.</exception>
    public static Tensor EmbeddingBackward(Tensor outputGradient, Tensor ids, int entries, float scale = 1f)
    {
        Arguments.CheckRows(outputGradient);
        Arguments.Check(outputGradient.Device, ids);
        Arguments.CheckShape(ids, new Shape(outputGradient.Shape.Lengths[..^1]), $"the gradient {outputGradient.Shape}");
        ArgumentOutOfRangeException.ThrowIfNegative(entries);
        int rows = GainRows.RowCount(outputGradient), dim = outputGradient.Shape[^1];
        Tensor output = Tensor.Empty(outputGradient.Device, [entries, dim], outputGradient.DType);
        using Tensor input = outputGradient.Reshape([1, rows, dim]), index = ids.Reshape([1, rows]), target = output.Reshape([1, entries, dim]);
        ScatterRowsOperator.Run(new ScatterRowsArguments(input, index, target, scale));
        return output;
    }
}

/// <summary>What a ScatterRows variant is given.</summary>
/// <param name="Input">[batch, rows, dim]</param>
/// <param name="Index">[batch, rows] of Int32 or Int64</param>
/// <param name="Output">[batch, output rows, dim]</param>
/// <param name="Scale">Multiplies the sums.</param>
[Operator("ScatterRows", "y[b, v] = scale Σ x[b, r] over index[b, r] = v")]
[Variant(typeof(ScatterRowsVectorized<>), "each block goes through the index for its own rows")]
[Variant(typeof(ScatterRowsPortable<>), "each output row searches the index, 64 threads at a time")]
internal readonly partial record struct ScatterRowsArguments(Tensor Input, Tensor Index, Tensor Output, float Scale)
{
    public int Batch => Output.Shape[0];

    public int Rows => Input.Shape[1];

    public int OutputRows => Output.Shape[1];

    public int Dim => Output.Shape[2];

    public int IndexStride => Index.DType == DType.Int64 ? 2 : 1;

    public int RowsPerBlock(ComputeDevice device)
    {
        int width = Math.Min(Dim + ElementVector.Width, ScatterRowsVectorized<Float32>.ColumnsPerBlock);
        int byStack = Math.Max(1, ScatterRowsVectorized<Float32>.SumsPerBlock / width);
        int byWorkers = Math.Max(1, OutputRows * Batch / (4 * device.Workers));
        return Math.Min(OutputRows, Math.Min(byStack, byWorkers));
    }
}

/// <summary>What the callers of ScatterRows share.</summary>
internal static partial class ScatterRowsOperator
{
    /// <summary>Launches, unless there is nothing to write.</summary>
    public static void Run(in ScatterRowsArguments arguments)
    {
        if (arguments.Index.DType is not (DType.Int32 or DType.Int64))
            throw Arguments.Wrong("index", $"holds {arguments.Index.DType}, but Int32 or Int64 is needed.");
        if (arguments.Output.Shape.Count > 0)
            ScatterRowsArguments.Definition.Run(arguments.Output.Device, arguments);
    }
}
