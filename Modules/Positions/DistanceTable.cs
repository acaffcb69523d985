using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>A bias by distance, given as a table.</summary>
internal static class DistanceTable
{
    /// <summary>The scores with table[h, origin + key's position − query's position] added; the kernels look it up.</summary>
    public static ScoreOptions Add(ScoreOptions scores, Tensor table, int origin) => scores with { DistanceBias = table, DistanceOrigin = origin };

    /// <summary>The scores with one more bias.</summary>
    public static ScoreOptions WithBias(this ScoreOptions scores, Tensor bias)
        => scores with { Bias = scores.Bias is null ? bias : scores.Bias + bias };
}
