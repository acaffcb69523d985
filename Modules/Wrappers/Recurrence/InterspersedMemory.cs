using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Memory tokens in front of every so many positions: [m m x x x x | m m x x x x | …]. The last stretch is filled with zeros, which no position sees because
/// the stack is causal.
/// </summary>
/// <param name="memory">How many memory tokens.</param>
/// <param name="every">In front of how many positions.</param>
internal sealed class InterspersedMemory(int memory, int every)
{
    /// <param name="x">[batch, rows, width]</param>
    /// <param name="tokens">[memory, width]</param>
    /// <returns>[batch, stretches · (memory + every), width]</returns>
    public Tensor Spread(Tensor x, Tensor tokens)
    {
        (int batch, int rows, int width) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        int stretches = Stretches(rows);
        Tensor filled = rows == stretches * every ? x : Operators.PadRows(x, 0, stretches * every);
        Tensor apart = Operators.Concatenate(tokens.Like(x).Reshape([1, memory, width]), filled.Reshape([batch * stretches, every, width]));
        return apart.Reshape([batch, stretches * (memory + every), width]);
    }

    /// <param name="y">[batch, stretches · (memory + every), width]</param>
    /// <param name="rows">How many rows there are without memory and filling.</param>
    /// <returns>[batch, rows, width]</returns>
    public Tensor TakeAway(Tensor y, int rows)
    {
        (int batch, int width) = (y.Shape[0], y.Shape[2]);
        int stretches = Stretches(rows);
        Tensor joined = Operators.SliceRows(y.Reshape([batch * stretches, memory + every, width]), memory, every).Reshape([batch, stretches * every, width]);
        return rows == stretches * every ? joined : Operators.SliceRows(joined, 0, rows);
    }

    /// <summary>A mask of the rows as one of the rows with memory, which is visible, and filling, which is not.</summary>
    /// <param name="mask">bool [batch, rows]</param>
    /// <returns>bool [batch, stretches · (memory + every)]; null for null.</returns>
    public Tensor? Spread(Tensor? mask)
    {
        if (mask is null)
            return null;
        (int batch, int rows) = (mask.Shape[0], mask.Shape[1]);
        int stretches = Stretches(rows), filling = stretches * every - rows;
        Tensor filled = filling == 0 ? mask : Operators.Concatenate([mask, Tensor.From(mask.Device, [batch, filling], new bool[batch * filling])], 1);
        Tensor visible = Tensor.From(mask.Device, [batch * stretches, memory], [.. Enumerable.Repeat(true, batch * stretches * memory)]);
        return Operators.Concatenate([visible, filled.Reshape([batch * stretches, every])], 1).Reshape([batch, stretches * (memory + every)]);
    }

    private int Stretches(int rows) => (rows + every - 1) / every;
}
