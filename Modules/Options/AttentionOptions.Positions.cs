namespace GpuTransformer.Modules;

public sealed partial record AttentionOptions
{
    /// <summary>How many heads are rotated by rotary positions, from the last; null for all. Needs as many key/value heads as heads.</summary>
    [Takes(OptionRange.Positive)]
    public int? RotateNumHeads { get; init; }

    /// <summary>
    /// The forgetting transformer's bias: a running sum of log-gates computed from the input, a gate per token and head. Self-attention only. Fused where
    /// attention is causal; otherwise the bias is a tensor of all pairs.
    /// </summary>
    public bool DataDependentAlibi { get; init; }

    /// <summary>With <see cref="DataDependentAlibi"/>: every query has gates of its own. Causal only; the bias is a tensor of all pairs.</summary>
    public bool DataDependentAlibiPerRow { get; init; }

    /// <summary>The width of the queries and keys that the gates of <see cref="DataDependentAlibiPerRow"/> are made of.</summary>
    [Takes(OptionRange.Positive)]
    public int DataDependentAlibiPerRowDimHead { get; init; } = 8;

    /// <summary>A bias by distance that each query mixes from learned curves. Self-attention only; the bias is a tensor of all pairs.</summary>
    public bool UseRelProjPosBias { get; init; }

    /// <summary>How many curves <see cref="UseRelProjPosBias"/> has.</summary>
    [Takes(OptionRange.Positive)]
    public int RelProjNumDistanceBasis { get; init; } = 16;

    /// <summary>How far the curves of <see cref="UseRelProjPosBias"/> reach; beyond there is no bias.</summary>
    [Takes(OptionRange.Positive)]
    public int RelProjMaxDist { get; init; } = 1024;

    /// <summary>
    /// Contextual position encoding: positions are counted by gates that the scores open. Causal self-attention only; needs the scores as a matrix.
    /// </summary>
    public bool UseCope { get; init; }

    /// <summary>How many positions <see cref="UseCope"/> tells apart.</summary>
    [Takes(OptionRange.Positive)]
    public int CopeMaxPos { get; init; } = 16;

    /// <summary>With <see cref="UseCope"/>: a softmax over all positions in place of the two nearest.</summary>
    public bool CopeSoftOnehotPos { get; init; }

    /// <summary>With <see cref="UseCope"/>: the gates are of scores mixed over heads.</summary>
    public bool CopeTalkingHeads { get; init; }

    /// <summary>How many heads, from the last, are rotated; null for all.</summary>
    internal int? RotatedHeads => LatentRopeSubheads ?? RotateNumHeads;

    internal override CopeSettings? CopeOf => UseCope ? new CopeSettings(CopeMaxPos, CopeSoftOnehotPos, CopeTalkingHeads, DimHead) : null;

    private void ValidatePositions()
    {
        if (RotateNumHeads is { } rotated && (rotated > QueryHeads || KeyValueHeads != QueryHeads))
            throw new ArgumentException(
                $"RotateNumHeads = {rotated} must be at most Heads = {QueryHeads}, with as many key/value heads (there are {KeyValueHeads}).",
                nameof(RotateNumHeads));
        if (DataDependentAlibiPerRow && !(DataDependentAlibi && Causal))
            throw new ArgumentException(
                "DataDependentAlibiPerRow says how DataDependentAlibi is made, for causal attention: both must be on.", nameof(DataDependentAlibiPerRow));
        if (DataDependentAlibi && L2Distance)
            throw new ArgumentException("DataDependentAlibi is part of a product of query and key, which L2Distance replaces; choose one.", nameof(L2Distance));
        if (DataDependentAlibi && Causal && !DataDependentAlibiPerRow && KeyValueHeads != QueryHeads)
            throw new ArgumentException(
                $"DataDependentAlibi needs as many key/value heads as heads: each head forgets for itself, but there are {KeyValueHeads} for {QueryHeads}.",
                nameof(DataDependentAlibi));
    }
}
