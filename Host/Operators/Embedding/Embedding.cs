using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

public static partial class Operators
{
    /// <summary>Looks up a row of the table for each id: y = scale · table[id].</summary>
    /// <param name="table">[entries, dim]</param>
    /// <param name="ids">[…], Int32 or Int64, each in [0, entries).</param>
    /// <param name="scale">Multiplies what is looked up; finite.</param>
    /// <returns>[…, dim], of the table's data type.</returns>
    /// <exception cref="ArgumentException">A shape, device or data type does not fit, or an id is out of range; nothing was launched.</exception>
    /// <remarks>Waits for the device in order to check the ids, unless the host wrote them: an id out of range would read foreign memory.</remarks>
    public static Tensor Embedding(Tensor table, Tensor ids, float scale = 1f)
    {
        ArgumentNullException.ThrowIfNull(table);
        ComputeDevice device = table.Device;
        Arguments.CheckFloating(device, table);
        Arguments.Check(device, ids);
        if (table.Shape.Rank != 2)
            throw Arguments.Wrong(nameof(table), $"has shape {table.Shape}, but an embedding table is [entries, dim].");
        if (!float.IsFinite(scale))
            throw Arguments.Wrong(nameof(scale), $"is {scale}, but must be finite.");
        CopyRowsOperator.CheckIndices(ids, table.Shape[0], nameof(ids), "the number of table entries is");
        int dim = table.Shape[1];
        Tensor output = Tensor.Empty(device, new Shape([.. ids.Shape.Lengths, dim]), table.DType);
        CopyRowsShape shape = CopyRowsArguments.WholeOutput(1, checked((int)ids.Shape.Count), dim, table.Shape[0]) with { Scale = scale };
        CopyRowsOperator.Run(new CopyRowsArguments(table, ids, null, output, shape));
        if (device.Records(table))
            Record(table, ids, scale, output);
        return output;

        static void Record(Tensor table, Tensor ids, float scale, Tensor output)
            => table.Device.Record(output, gradient => GradientTape.Accumulate(table, EmbeddingBackward(gradient, ids, table.Shape[0], scale)), ids);
    }
}
