namespace GpuTransformer.Modules;

public sealed partial record AttentionOptions
{
    /// <summary>With <see cref="GateValues"/>: the gate has low rank, this one; null for a full one.</summary>
    [Takes(OptionRange.Positive)]
    public int? GateValuesRank { get; init; }

    /// <summary>With <see cref="GateValues"/>: one gate per head in place of one per channel.</summary>
    public bool GateValuesHeadwise { get; init; }

    /// <summary>As <see cref="GateValues"/>, of a projection of the merged heads themselves; where both are on, what they project is added first.</summary>
    public bool OutputGate { get; init; }

    /// <summary>With <see cref="OutputGate"/>: the gate has low rank, this one; null for a full one.</summary>
    [Takes(OptionRange.Positive)]
    public int? OutputGateRank { get; init; }

    /// <summary>With <see cref="OutputGate"/>: one gate per head in place of one per channel.</summary>
    public bool OutputGateHeadwise { get; init; }

    /// <summary>A SiLU in the middle of gates of low rank.</summary>
    public bool LowRankSiluGates { get; init; } = true;

    /// <summary>Of the merged heads, only what is orthogonal to the values goes on, taking each sample as one long vector. Self-attention only.</summary>
    public bool OrthogProjectedValues { get; init; }

    /// <summary>As <see cref="OrthogProjectedValues"/>, to which x-transformers makes no difference; with both, it goes on twice, side by side.</summary>
    public bool OrthogProjectedValuesPerHead { get; init; }

    /// <summary>Queries are projected from a projection of the input to <see cref="DimLatentQ"/>.</summary>
    public bool UseLatentQ { get; init; }

    /// <summary>The width of <see cref="UseLatentQ"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimLatentQ { get; init; }

    /// <summary>Keys and values are projected from a projection of their source to <see cref="DimLatentKv"/>.</summary>
    public bool UseLatentKv { get; init; }

    /// <summary>The width of <see cref="UseLatentKv"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimLatentKv { get; init; }

    /// <summary>
    /// With <see cref="UseLatentKv"/>: this many heads of the keys, the last, are projected from the source itself, and rotary positions rotate them alone.
    /// </summary>
    [Takes(OptionRange.Positive)]
    public int? LatentRopeSubheads { get; init; }

    /// <summary>Where the call brings a value residual: how much of it is mixed in is a projection of the input; otherwise one half. A stack sets it.</summary>
    public bool LearnedValueResidualMix { get; init; }

    /// <summary>How many times the merged heads lie side by side before the output projection.</summary>
    internal int OutputCopies => Math.Max(1, (OrthogProjectedValues ? 1 : 0) + (OrthogProjectedValuesPerHead ? 1 : 0));

    private void ValidateProjections()
    {
        if ((GateValuesRank is not null || GateValuesHeadwise || SwigluValues) && !(GateValues || (OutputGate && SwigluValues)))
            throw new ArgumentException(
                "GateValuesRank, GateValuesHeadwise and SwigluValues say how GateValues gates and need it to be on.", nameof(GateValues));
        if ((OutputGateRank is not null || OutputGateHeadwise) && !OutputGate)
            throw new ArgumentException("OutputGateRank and OutputGateHeadwise say how OutputGate gates and need it to be on.", nameof(OutputGate));
        OptionChecks.AtMostOne((GateValuesRank is not null, nameof(GateValuesRank)), (GateValuesHeadwise, nameof(GateValuesHeadwise)));
        OptionChecks.AtMostOne((OutputGateRank is not null, nameof(OutputGateRank)), (OutputGateHeadwise, nameof(OutputGateHeadwise)));
        CheckRank(GateValuesRank, InputDim, nameof(GateValuesRank));
        CheckRank(OutputGateRank, MergedWidth, nameof(OutputGateRank));
        if (UseLatentQ != DimLatentQ is not null)
            throw new ArgumentException(
                "UseLatentQ and DimLatentQ belong together: one says that there is a latent, the other how wide it is.", nameof(DimLatentQ));
        if (UseLatentKv != DimLatentKv is not null)
            throw new ArgumentException(
                "UseLatentKv and DimLatentKv belong together: one says that there is a latent, the other how wide it is.", nameof(DimLatentKv));
        if (LatentRopeSubheads is { } heads)
        {
            if (!UseLatentKv || RotateNumHeads is not null)
                throw new ArgumentException(
                    "LatentRopeSubheads are the heads that UseLatentKv leaves alone and that are rotated: it needs UseLatentKv and excludes RotateNumHeads.",
                    nameof(LatentRopeSubheads));
            if (heads >= KeyValueHeads || KeyValueHeads != QueryHeads)
                throw new ArgumentException(
                    $"LatentRopeSubheads = {heads} must be fewer than the {KeyValueHeads} key/value heads, of which there must be as many as heads, "
                    + $"{QueryHeads}.",
                    nameof(LatentRopeSubheads));
        }

        if (LearnedValueResidualMix && KeyValueHeads != QueryHeads)
            throw new ArgumentException(
                $"LearnedValueResidualMix mixes each head's values and needs as many key/value heads as heads, not {KeyValueHeads} for {QueryHeads}.",
                nameof(LearnedValueResidualMix));
    }

    private void CheckRank(int? rank, int from, string name)
    {
        if (rank is { } narrow && narrow >= Math.Max(from, MergedWidth))
            throw new ArgumentException($"{name} = {narrow} must be below the width of what it gates from, {from}, or to, {MergedWidth}.", name);
    }
}
