using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>A position bias that depends on nothing but the head and the distance from query to key.</summary>
internal interface IDistanceBias
{
    /// <summary>The scores with the bias: queries stand at the last of the keys.</summary>
    ScoreOptions Add(ScoreOptions scores, int queries, int keys);
}
