namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    /// <summary>Width of the context: the input width of cross-attention's keys and values. Null for <see cref="Dim"/>.</summary>
    public int? CrossAttnDimContext { get; init; }

    /// <summary>Cross-attention sees the context's end only up to its own position.</summary>
    public bool CrossAttnCausal { get; init; }

    /// <inheritdoc cref="AttentionOptions.DimHead"/>
    /// <remarks>Null for <see cref="AttnDimHead"/>.</remarks>
    public int? CrossAttnDimHead { get; init; }

    /// <inheritdoc cref="AttentionOptions.Flash"/>
    /// <remarks>Null for <see cref="AttnFlash"/>.</remarks>
    public bool? CrossAttnFlash { get; init; }

    /// <inheritdoc cref="AttentionOptions.Dropout"/>
    /// <remarks>Null for <see cref="AttnDropout"/>.</remarks>
    public float? CrossAttnDropout { get; init; }

    /// <inheritdoc cref="AttentionOptions.SublayerDropout"/>
    /// <remarks>Null for <see cref="AttnSublayerDropout"/>.</remarks>
    public float? CrossAttnSublayerDropout { get; init; }

    /// <inheritdoc cref="AttentionOptions.NumMemKv"/>
    /// <remarks>Null for <see cref="AttnNumMemKv"/>.</remarks>
    public int? CrossAttnNumMemKv { get; init; }

    /// <inheritdoc cref="AttentionOptions.AddZeroKv"/>
    /// <remarks>Null for <see cref="AttnAddZeroKv"/>.</remarks>
    public bool? CrossAttnAddZeroKv { get; init; }

    /// <inheritdoc cref="AttentionOptions.KvHeads"/>
    /// <remarks>Null for <see cref="AttnKvHeads"/>.</remarks>
    public int? CrossAttnKvHeads { get; init; }

    /// <inheritdoc cref="AttentionOptions.OneKvHead"/>
    /// <remarks>Null for <see cref="AttnOneKvHead"/>.</remarks>
    public bool? CrossAttnOneKvHead { get; init; }

    /// <inheritdoc cref="AttentionOptions.ValueDimHead"/>
    /// <remarks>Null for <see cref="AttnValueDimHead"/>.</remarks>
    public int? CrossAttnValueDimHead { get; init; }

    /// <inheritdoc cref="AttentionOptions.ZeroInitOutput"/>
    /// <remarks>Null for <see cref="AttnZeroInitOutput"/>.</remarks>
    public bool? CrossAttnZeroInitOutput { get; init; }

    /// <inheritdoc cref="AttentionOptions.QkNorm"/>
    /// <remarks>Null for <see cref="AttnQkNorm"/>.</remarks>
    public bool? CrossAttnQkNorm { get; init; }

    /// <inheritdoc cref="AttentionOptions.QkNormGroups"/>
    /// <remarks>Null for <see cref="AttnQkNormGroups"/>.</remarks>
    public int? CrossAttnQkNormGroups { get; init; }

    /// <inheritdoc cref="AttentionOptions.QkNormScale"/>
    /// <remarks>Null for <see cref="AttnQkNormScale"/>.</remarks>
    public float? CrossAttnQkNormScale { get; init; }

    /// <inheritdoc cref="AttentionOptions.QkNormDimScale"/>
    /// <remarks>Null for <see cref="AttnQkNormDimScale"/>.</remarks>
    public bool? CrossAttnQkNormDimScale { get; init; }

    /// <inheritdoc cref="AttentionOptions.QkRmsnorm"/>
    /// <remarks>Null for <see cref="AttnQkRmsnorm"/>.</remarks>
    public bool? CrossAttnQkRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionOptions.KRmsnorm"/>
    /// <remarks>Null for <see cref="AttnKRmsnorm"/>.</remarks>
    public bool? CrossAttnKRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionOptions.ValueRmsnorm"/>
    /// <remarks>Null for <see cref="AttnValueRmsnorm"/>.</remarks>
    public bool? CrossAttnValueRmsnorm { get; init; }

    /// <inheritdoc cref="AttentionOptions.MaxAttendPast"/>
    /// <remarks>Null for none.</remarks>
    public int? CrossAttnMaxAttendPast { get; init; }

    /// <inheritdoc cref="AttentionOptions.SoftclampLogits"/>
    /// <remarks>Null for <see cref="AttnSoftclampLogits"/>.</remarks>
    public bool? CrossAttnSoftclampLogits { get; init; }

    /// <inheritdoc cref="AttentionOptions.LogitSoftclampValue"/>
    /// <remarks>Null for <see cref="AttnLogitSoftclampValue"/>.</remarks>
    public float? CrossAttnLogitSoftclampValue { get; init; }

    /// <inheritdoc cref="AttentionOptions.HeadScale"/>
    /// <remarks>Null for <see cref="AttnHeadScale"/>.</remarks>
    public bool? CrossAttnHeadScale { get; init; }

    /// <inheritdoc cref="AttentionOptions.GateValueHeads"/>
    /// <remarks>Null for <see cref="AttnGateValueHeads"/>.</remarks>
    public bool? CrossAttnGateValueHeads { get; init; }

    /// <inheritdoc cref="AttentionOptions.GateValues"/>
    /// <remarks>Null for <see cref="AttnGateValues"/>.</remarks>
    public bool? CrossAttnGateValues { get; init; }

    /// <inheritdoc cref="AttentionOptions.SwigluValues"/>
    /// <remarks>Null for <see cref="AttnSwigluValues"/>.</remarks>
    public bool? CrossAttnSwigluValues { get; init; }

    /// <inheritdoc cref="AttentionOptions.OnAttn"/>
    /// <remarks>Null for <see cref="AttnOnAttn"/>.</remarks>
    public bool? CrossAttnOnAttn { get; init; }

    internal AttentionOptions CrossAttention() => new()
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
