using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>What an attention attends with, heads side by side in the last axis.</summary>
/// <param name="Query">[batch, queries, heads · dimHead]</param>
/// <param name="Key">[batch, keys, keyValueHeads · dimHead]</param>
/// <param name="Value">[batch, keys, keyValueHeads · valueDim]</param>
/// <param name="QueryHeads">heads</param>
/// <param name="KeyValueHeads">keyValueHeads</param>
/// <param name="Scale">What q·k is multiplied with.</param>
/// <param name="FreeColumns">How many leading keys every query sees, whatever the masks say: those that stages have put there.</param>
internal readonly record struct Heads(Tensor Query, Tensor Key, Tensor Value, int QueryHeads, int KeyValueHeads, float Scale, int FreeColumns = 0)
{
    /// <summary>How many keys a cache holds already, before these; what stages put before all others is among them.</summary>
    public int Cached { get; init; }

    /// <summary>How many of those that the cache holds are free.</summary>
    public int CachedFree { get; init; }

    /// <summary>How many rows of the key and value tensors count; null for all.</summary>
    public int? KeyCount { get; init; }

    /// <summary>How many keys there are that are not free: those of the cache and these.</summary>
    public int OwnKeys => Cached > 0 ? Cached - CachedFree + Key.Shape[1] : Key.Shape[1] - FreeColumns;

    /// <summary>The same with keys and values before the others.</summary>
    /// <param name="keys">[1 or batch, count, keyValueHeads · dimHead]</param>
    /// <param name="values">[1 or batch, count, keyValueHeads · valueDim]</param>
    public Heads Behind(Tensor keys, Tensor values) => Cached > 0 ? this with { FreeColumns = FreeColumns + keys.Shape[1] } : this with
    {
        Key = Operators.Concatenate(keys, Key), Value = Operators.Concatenate(values, Value), FreeColumns = FreeColumns + keys.Shape[1],
    };
}

/// <summary>What the stages of one call read beside the heads.</summary>
/// <param name="X">[batch, queries, dim]: what the queries were projected from.</param>
/// <param name="Inputs">What the call was given.</param>
/// <param name="Values">[batch, keys, keyValueHeads · valueDim]: the values as they were projected.</param>
internal readonly record struct AttentionPass(Tensor X, BranchInputs Inputs, Tensor Values);

/// <summary>What an option does between the projections and the scores.</summary>
internal interface IHeadsStage
{
    Heads Prepare(Heads heads, AttentionPass pass);
}

/// <summary>What an option adds to the scores.</summary>
internal interface IScoresStage
{
    /// <param name="scores">What is known of the scores.</param>
    /// <param name="heads">The heads, as all stages have prepared them.</param>
    /// <param name="pass">What else the call has.</param>
    ScoreOptions Prepare(ScoreOptions scores, Heads heads, AttentionPass pass);
}

/// <summary>What an option does to the merged heads, before the output projection.</summary>
internal interface IMergedStage
{
    /// <param name="merged">[batch, queries, heads · valueDim]</param>
    /// <param name="pass">What else the call has.</param>
    Tensor Finish(Tensor merged, AttentionPass pass);
}
