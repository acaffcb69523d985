namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    /// <inheritdoc cref="AttentionOptions.DimHead"/>
    public int AttnDimHead { get; init; } = 64;

    /// <inheritdoc cref="AttentionOptions.Flash"/>
    public bool AttnFlash { get; init; }

    /// <inheritdoc cref="AttentionOptions.Dropout"/>
    public float AttnDropout { get; init; }

    /// <inheritdoc cref="AttentionOptions.SublayerDropout"/>
    public float AttnSublayerDropout { get; init; }

    /// <inheritdoc cref="AttentionOptions.NumMemKv"/>
    public int AttnNumMemKv { get; init; }

    /// <inheritdoc cref="AttentionOptions.AddZeroKv"/>
    public bool AttnAddZeroKv { get; init; }

    /// <inheritdoc cref="AttentionOptions.KvHeads"/>
    public int? AttnKvHeads { get; init; }

    /// <inheritdoc cref="AttentionOptions.OneKvHead"/>
    public bool AttnOneKvHead { get; init; }

    /// <inheritdoc cref="AttentionOptions.ValueDimHead"/>
    public int? AttnValueDimHead { get; init; }

    /// <inheritdoc cref="AttentionOptions.ZeroInitOutput"/>
    public bool AttnZeroInitOutput { get; init; }

    /// <inheritdoc cref="AttentionOptions.QkNorm"/>
    public bool AttnQkNorm { get; init; }

    /// <inheritdoc cref="AttentionOptions.QkNormGroups"/>
    public int AttnQkNormGroups { get; init; } = 1;

    /// <inheritdoc cref="AttentionOptions.QkNormScale"/>
    public float AttnQkNormScale { get; init; } = 10;

    /// <inheritdoc cref="AttentionOptions.QkNormDimScale"/>
    public bool AttnQkNormDimScale { get; init; }

    /// <inheritdoc cref="AttentionOptions.QkRmsnorm"/>
    public bool AttnQkRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionOptions.KRmsnorm"/>
    public bool AttnKRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionOptions.ValueRmsnorm"/>
    public bool AttnValueRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionOptions.MaxAttendPast"/>
    /// <remarks>Self-attention only, unlike upstream, where it reaches cross-attention too.</remarks>
    public int? AttnMaxAttendPast { get; init; }

    /// <inheritdoc cref="AttentionOptions.SoftclampLogits"/>
    public bool AttnSoftclampLogits { get; init; }

    /// <inheritdoc cref="AttentionOptions.LogitSoftclampValue"/>
    public float AttnLogitSoftclampValue { get; init; } = 50;

    /// <inheritdoc cref="AttentionOptions.HeadScale"/>
    public bool AttnHeadScale { get; init; }

    /// <inheritdoc cref="AttentionOptions.GateValueHeads"/>
    public bool AttnGateValueHeads { get; init; }

    /// <inheritdoc cref="AttentionOptions.GateValues"/>
    public bool AttnGateValues { get; init; }

    /// <inheritdoc cref="AttentionOptions.SwigluValues"/>
    public bool AttnSwigluValues { get; init; }

    /// <inheritdoc cref="AttentionOptions.OnAttn"/>
    public bool AttnOnAttn { get; init; }

    internal AttentionOptions SelfAttention() => new()
    {
        Dim = Dim,
        Heads = Heads,
        Causal = Causal,
        DimHead = AttnDimHead,
        Flash = AttnFlash,
        Dropout = AttnDropout,
        SublayerDropout = AttnSublayerDropout,
        NumMemKv = AttnNumMemKv,
        AddZeroKv = AttnAddZeroKv,
        KvHeads = AttnKvHeads,
        OneKvHead = AttnOneKvHead,
        ValueDimHead = AttnValueDimHead,
        ZeroInitOutput = AttnZeroInitOutput || ZeroInitBranchOutput,
        QkNorm = AttnQkNorm,
        QkNormGroups = AttnQkNormGroups,
        QkNormScale = AttnQkNormScale,
        QkNormDimScale = AttnQkNormDimScale,
        QkRmsnorm = AttnQkRmsnorm,
        KRmsnorm = AttnKRmsnorm,
        ValueRmsnorm = AttnValueRmsnorm,
        MaxAttendPast = AttnMaxAttendPast,
        SoftclampLogits = AttnSoftclampLogits,
        LogitSoftclampValue = AttnLogitSoftclampValue,
        HeadScale = AttnHeadScale,
        GateValueHeads = AttnGateValueHeads,
        GateValues = AttnGateValues,
        SwigluValues = AttnSwigluValues,
        OnAttn = AttnOnAttn,
    };
}
