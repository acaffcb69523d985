namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    /// <inheritdoc cref="FeedForwardOptions.Mult"/>
    public double FfMult { get; init; } = 4;

    /// <inheritdoc cref="FeedForwardOptions.Glu"/>
    public bool FfGlu { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.GluMultBias"/>
    public bool FfGluMultBias { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.Swish"/>
    public bool FfSwish { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.ReluSquared"/>
    public bool FfReluSquared { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.Solu"/>
    public bool FfSolu { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.PostActLn"/>
    public bool FfPostActLn { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.Dropout"/>
    public float FfDropout { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.SublayerDropout"/>
    public float FfSublayerDropout { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.NoBias"/>
    public bool FfNoBias { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.ZeroInitOutput"/>
    public bool FfZeroInitOutput { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.SoftclampValue"/>
    public float? FfSoftclampValue { get; init; }

    /// <inheritdoc cref="FeedForwardOptions.GluGateSoftclampValue"/>
    public float? FfGluGateSoftclampValue { get; init; }

    internal FeedForwardOptions FeedForward() => new()
    {
        Dim = Dim,
        Mult = FfMult,
        Glu = FfGlu,
        GluMultBias = FfGluMultBias,
        Swish = FfSwish,
        ReluSquared = FfReluSquared,
        Solu = FfSolu,
        PostActLn = FfPostActLn,
        Dropout = FfDropout,
        SublayerDropout = FfSublayerDropout,
        NoBias = FfNoBias,
        ZeroInitOutput = FfZeroInitOutput || ZeroInitBranchOutput,
        SoftclampValue = FfSoftclampValue,
        GluGateSoftclampValue = FfGluGateSoftclampValue,
    };
}
