namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    /// <summary>Width of the context: the input width of cross-attention's keys and values. Null for <see cref="Dim"/>.</summary>
    public int? CrossAttnDimContext { get; init; }

    /// <summary>Cross-attention sees the context's end only up to its own position.</summary>
    public bool CrossAttnCausal { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.DimHead"/>
    /// <remarks>Null for <see cref="AttnDimHead"/>.</remarks>
    public int? CrossAttnDimHead { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.Flash"/>
    /// <remarks>Null for <see cref="AttnFlash"/>.</remarks>
    public bool? CrossAttnFlash { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.Dropout"/>
    /// <remarks>Null for <see cref="AttnDropout"/>.</remarks>
    public float? CrossAttnDropout { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.SublayerDropout"/>
    /// <remarks>Null for <see cref="AttnSublayerDropout"/>.</remarks>
    public float? CrossAttnSublayerDropout { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.NumMemKv"/>
    /// <remarks>Null for <see cref="AttnNumMemKv"/>.</remarks>
    public int? CrossAttnNumMemKv { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.AddZeroKv"/>
    /// <remarks>Null for <see cref="AttnAddZeroKv"/>.</remarks>
    public bool? CrossAttnAddZeroKv { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.KvHeads"/>
    /// <remarks>Null for <see cref="AttnKvHeads"/>.</remarks>
    public int? CrossAttnKvHeads { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.OneKvHead"/>
    /// <remarks>Null for <see cref="AttnOneKvHead"/>.</remarks>
    public bool? CrossAttnOneKvHead { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.ValueDimHead"/>
    /// <remarks>Null for <see cref="AttnValueDimHead"/>.</remarks>
    public int? CrossAttnValueDimHead { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.ZeroInitOutput"/>
    /// <remarks>Null for <see cref="AttnZeroInitOutput"/>.</remarks>
    public bool? CrossAttnZeroInitOutput { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.QkNorm"/>
    /// <remarks>Null for <see cref="AttnQkNorm"/>.</remarks>
    public bool? CrossAttnQkNorm { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.QkNormGroups"/>
    /// <remarks>Null for <see cref="AttnQkNormGroups"/>.</remarks>
    public int? CrossAttnQkNormGroups { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.QkNormScale"/>
    /// <remarks>Null for <see cref="AttnQkNormScale"/>.</remarks>
    public float? CrossAttnQkNormScale { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.QkNormDimScale"/>
    /// <remarks>Null for <see cref="AttnQkNormDimScale"/>.</remarks>
    public bool? CrossAttnQkNormDimScale { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.QkRmsnorm"/>
    /// <remarks>Null for <see cref="AttnQkRmsnorm"/>.</remarks>
    public bool? CrossAttnQkRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.KRmsnorm"/>
    /// <remarks>Null for <see cref="AttnKRmsnorm"/>.</remarks>
    public bool? CrossAttnKRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.ValueRmsnorm"/>
    /// <remarks>Null for <see cref="AttnValueRmsnorm"/>.</remarks>
    public bool? CrossAttnValueRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.MaxAttendPast"/>
    /// <remarks>Null for none.</remarks>
    public int? CrossAttnMaxAttendPast { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.SoftclampLogits"/>
    /// <remarks>Null for <see cref="AttnSoftclampLogits"/>.</remarks>
    public bool? CrossAttnSoftclampLogits { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.LogitSoftclampValue"/>
    /// <remarks>Null for <see cref="AttnLogitSoftclampValue"/>.</remarks>
    public float? CrossAttnLogitSoftclampValue { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.HeadScale"/>
    /// <remarks>Null for <see cref="AttnHeadScale"/>.</remarks>
    public bool? CrossAttnHeadScale { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.GateValueHeads"/>
    /// <remarks>Null for <see cref="AttnGateValueHeads"/>.</remarks>
    public bool? CrossAttnGateValueHeads { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.GateValues"/>
    /// <remarks>Null for <see cref="AttnGateValues"/>.</remarks>
    public bool? CrossAttnGateValues { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.SwigluValues"/>
    /// <remarks>Null for <see cref="AttnSwigluValues"/>.</remarks>
    public bool? CrossAttnSwigluValues { get; init; }

    /// <inheritdoc cref="AttentionModuleOptions.OnAttn"/>
    /// <remarks>Null for <see cref="AttnOnAttn"/>.</remarks>
    public bool? CrossAttnOnAttn { get; init; }

    internal AttentionModuleOptions CrossAttention() => new()
    {
        Dim = Dim,
        DimContext = CrossAttnDimContext,
        Heads = Heads,
        Causal = CrossAttnCausal,
        DimHead = CrossAttnDimHead ?? AttnDimHead,
        Flash = CrossAttnFlash ?? AttnFlash,
        Dropout = CrossAttnDropout ?? AttnDropout,
        SublayerDropout = CrossAttnSublayerDropout ?? AttnSublayerDropout,
        NumMemKv = CrossAttnNumMemKv ?? AttnNumMemKv,
        AddZeroKv = CrossAttnAddZeroKv ?? AttnAddZeroKv,
        KvHeads = CrossAttnKvHeads ?? (CrossAttnOneKvHead == true ? null : AttnKvHeads),
        OneKvHead = CrossAttnOneKvHead ?? (CrossAttnKvHeads is null && AttnOneKvHead),
        ValueDimHead = CrossAttnValueDimHead ?? AttnValueDimHead,
        ZeroInitOutput = (CrossAttnZeroInitOutput ?? AttnZeroInitOutput) || ZeroInitBranchOutput,
        QkNorm = CrossAttnQkNorm ?? AttnQkNorm,
        QkNormGroups = CrossAttnQkNormGroups ?? AttnQkNormGroups,
        QkNormScale = CrossAttnQkNormScale ?? AttnQkNormScale,
        QkNormDimScale = CrossAttnQkNormDimScale ?? AttnQkNormDimScale,
        QkRmsnorm = CrossAttnQkRmsnorm ?? AttnQkRmsnorm,
        KRmsnorm = CrossAttnKRmsnorm ?? AttnKRmsnorm,
        ValueRmsnorm = CrossAttnValueRmsnorm ?? AttnValueRmsnorm,
        MaxAttendPast = CrossAttnMaxAttendPast,
        SoftclampLogits = CrossAttnSoftclampLogits ?? AttnSoftclampLogits,
        LogitSoftclampValue = CrossAttnLogitSoftclampValue ?? AttnLogitSoftclampValue,
        HeadScale = CrossAttnHeadScale ?? AttnHeadScale,
        GateValueHeads = CrossAttnGateValueHeads ?? AttnGateValueHeads,
        GateValues = CrossAttnGateValues ?? AttnGateValues,
        SwigluValues = CrossAttnSwigluValues ?? AttnSwigluValues,
        OnAttn = CrossAttnOnAttn ?? AttnOnAttn,
    };
}
