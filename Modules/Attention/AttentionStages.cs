using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What an attention attends with, heads side by side in the last axis.</summary>
/// <param name="Query">[batch, queries, heads · dimHead]</param>
/// <param name="Key">[batch, keys, keyValueHeads · dimHead]</param>
/// <param name="Value">[batch, keys, keyValueHeads · valueDim]</param>
internal readonly record struct Heads(Tensor Query, Tensor Key, Tensor Value);

/// <summary>What an option does between the projections and the scores.</summary>
internal interface IHeadsStage
{
    Heads Prepare(Heads heads);
}

/// <summary>What an option does to the merged heads, before the output projection.</summary>
internal interface IMergedStage
{
    /// <param name="merged">[batch, queries, heads · valueDim]</param>
    /// <param name="x">[batch, queries, dim]: what the queries were projected from.</param>
    Tensor Finish(Tensor merged, Tensor x);
}
