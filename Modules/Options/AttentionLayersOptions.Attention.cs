namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    /// <inheritdoc cref="AttentionModuleOptions.DimHead"/>
    public int AttnDimHead { get; init; } = 64;

    /// <inheritdoc cref="AttentionModuleOptions.Flash"/>
    public bool AttnFlash { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.Dropout"/>
    public float AttnDropout { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.SublayerDropout"/>
    public float AttnSublayerDropout { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.NumMemKv"/>
    public int AttnNumMemKv { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.AddZeroKv"/>
    public bool AttnAddZeroKv { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.KvHeads"/>
    public int? AttnKvHeads { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.OneKvHead"/>
    public bool AttnOneKvHead { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.ValueDimHead"/>
    public int? AttnValueDimHead { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.ZeroInitOutput"/>
    public bool AttnZeroInitOutput { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.QkNorm"/>
    public bool AttnQkNorm { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.QkNormGroups"/>
    public int AttnQkNormGroups { get; init; } = 1;

    /// <inheritdoc cref="AttentionModuleOptions.QkNormScale"/>
    public float AttnQkNormScale { get; init; } = 10;

    /// <inheritdoc cref="AttentionModuleOptions.QkNormDimScale"/>
    public bool AttnQkNormDimScale { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.QkRmsnorm"/>
    public bool AttnQkRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.KRmsnorm"/>
    public bool AttnKRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.ValueRmsnorm"/>
    public bool AttnValueRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.MaxAttendPast"/>
    /// <remarks>Self-attention only, unlike upstream, where it reaches cross-attention too.</remarks>
    public int? AttnMaxAttendPast { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.SoftclampLogits"/>
    public bool AttnSoftclampLogits { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.LogitSoftclampValue"/>
    public float AttnLogitSoftclampValue { get; init; } = 50;

    /// <inheritdoc cref="AttentionModuleOptions.HeadScale"/>
    public bool AttnHeadScale { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.GateValueHeads"/>
    public bool AttnGateValueHeads { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.GateValues"/>
    public bool AttnGateValues { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.SwigluValues"/>
    public bool AttnSwigluValues { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.OnAttn"/>
    public bool AttnOnAttn { get; init; }

    internal AttentionModuleOptions SelfAttention() => new()
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
