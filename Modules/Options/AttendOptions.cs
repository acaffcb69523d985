namespace GpuTransformer.Modules;

/// <summary>
/// One <see cref="Attend"/>: softmax(scale · q kᵀ + bias) v on queries, keys and values as they come. Names and defaults are x-transformers'.
/// </summary>
public sealed record AttendOptions : AttentionCoreOptions
{
    /// <summary>x-transformers' defaults.</summary>
    public AttendOptions()
    {
    }

    internal AttendOptions(AttentionCoreOptions core)
        : base(core)
    {
    }

    /// <summary>Query heads; null for those of the queries passed.</summary>
    [Takes(OptionRange.Positive)]
    public int? Heads { get; init; }

    /// <summary>Multiplies q·k; null for the queries' width^-0.5.</summary>
    [Takes(OptionRange.Finite)]
    public float? Scale { get; init; }

    /// <summary>Chooses the softmax's precision upstream; the softmax here is always float32.</summary>
    public bool QkNorm { get; init; }

    /// <summary>What a <see cref="ContextualPositions"/> is; null for none. An <see cref="Attention"/> sets it.</summary>
    internal CopeSettings? Cope { get; init; }

    internal override CopeSettings? CopeOf => Cope;

    internal void Validate()
    {
        ValidateCore();
        if (Heads is null && (PreTalkingHeads || PostTalkingHeads || PreScalePostTalkingHeads || HeadLearnedSink))
            throw new ArgumentException("Heads is missing: talking heads and HeadLearnedSink have parameters for each head.", nameof(Heads));
        if (HeadLearnedSink && Scale == 0f)
            throw new ArgumentException("Scale = 0, but with HeadLearnedSink the scores need a scale that is not zero.", nameof(Scale));
    }
}
