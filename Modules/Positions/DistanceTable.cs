using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>A bias by distance, given as a table.</summary>
internal static class DistanceTable
{
    /// <summary>The scores with table[h, origin + key's position − query's position] added.</summary>
    public static ScoreOptions Add(ScoreOptions scores, Tensor table, int origin, int queries, int keys)
    {
        (int heads, int span) = (table.Shape[0], table.Shape[1]);
        int[] index = [.. Enumerable.Range(0, queries * keys).Select(
            i => Math.Clamp(origin + i % keys - (i / keys + keys - queries), 0, span - 1))];
        Tensor bias = Operators.IndexSelect(table, 1, Tensor.From(table.Device, [index.Length], index));
        return scores.WithBias(bias.Reshape([1, heads, queries, keys]));
    }

    /// <summary>The scores with one more bias.</summary>
    public static ScoreOptions WithBias(this ScoreOptions scores, Tensor bias)
        => scores with { Bias = scores.Bias is null ? bias : scores.Bias + bias };
}
