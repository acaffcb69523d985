namespace GpuTransformer.Modules;

/// <summary>One <see cref="Attention"/>. Names and defaults are x-transformers' <c>Attention</c>.</summary>
public sealed record AttentionModuleOptions
{
    /// <summary>What the attention kernels take at most.</summary>
    private const int WidestHead = 256;

    /// <summary>Width of the queries' input, and of the output unless <see cref="DimOut"/>.</summary>
    public required int Dim { get; init; }

    /// <summary>Width per head; the scores' scale is DimHead^-0.5.</summary>
    public int DimHead { get; init; } = 64;

    /// <summary>Width of the keys' and values' input; null for <see cref="Dim"/>.</summary>
    public int? DimContext { get; init; }

    /// <summary>Query heads.</summary>
    public int Heads { get; init; } = 8;

    /// <summary>A query sees no later key; the last query sees the last key.</summary>
    public bool Causal { get; init; }

    /// <summary>Attention here is always fused; accepted for x-transformers' sake and without effect.</summary>
    public bool Flash { get; init; }

    /// <summary>Dropout on the attention probabilities, in training only.</summary>
    public float Dropout { get; init; }

    /// <summary>Dropout on the output, in training only.</summary>
    public float SublayerDropout { get; init; }

    /// <summary>Learned keys and values put before the others, visible to every query and without position.</summary>
    public int NumMemKv { get; init; }

    /// <summary>A zero key and value put before the others, visible to every query.</summary>
    public bool AddZeroKv { get; init; }

    /// <summary>Key/value heads; null for <see cref="Heads"/>. Query head h reads key/value head h mod KvHeads.</summary>
    public int? KvHeads { get; init; }

    /// <summary>One key/value head for all query heads.</summary>
    public bool OneKvHead { get; init; }

    /// <summary>Width of a value head; null for <see cref="DimHead"/>.</summary>
    public int? ValueDimHead { get; init; }

    /// <summary>Output width; null for <see cref="Dim"/>.</summary>
    public int? DimOut { get; init; }

    /// <summary>Whether there is an output projection; null for only if there are several heads or the output has another width.</summary>
    public bool? ProjectOut { get; init; }

    /// <summary>The output projection starts at zero.</summary>
    public bool ZeroInitOutput { get; init; }

    /// <summary>L2-normalise queries and keys per head; the scores' scale becomes <see cref="QkNormScale"/>.</summary>
    public bool QkNorm { get; init; }

    /// <summary>Split each head into this many groups and normalise each.</summary>
    public int QkNormGroups { get; init; } = 1;

    /// <summary>The scores' scale under <see cref="QkNorm"/>.</summary>
    public float QkNormScale { get; init; } = 10;

    /// <summary>Learned gains on the normalised queries and keys; the scores' scale is DimHead^-0.5 again.</summary>
    public bool QkNormDimScale { get; init; }

    /// <summary>RMS-normalise queries and keys per head, with learned gains.</summary>
    public bool QkRmsnorm { get; init; }

    /// <summary>As <see cref="QkRmsnorm"/>, on the keys only.</summary>
    public bool KRmsnorm { get; init; }

    /// <summary>RMS-normalise values per head, with learned gains.</summary>
    public bool ValueRmsnorm { get; init; }

    /// <summary>A key is visible only if it is at most this many positions behind the query; null for no limit.</summary>
    public int? MaxAttendPast { get; init; }

    /// <summary>Clamp the scores (scaled, with bias) by c · tanh(score / c).</summary>
    public bool SoftclampLogits { get; init; }

    /// <summary>c of <see cref="SoftclampLogits"/>.</summary>
    public float LogitSoftclampValue { get; init; } = 50;

    /// <summary>A learned factor per head on its output.</summary>
    public bool HeadScale { get; init; }

    /// <summary>Each head's output times sigmoid of a projection of the input.</summary>
    public bool GateValueHeads { get; init; }

    /// <summary>The merged heads times sigmoid of a projection of the input, per channel.</summary>
    public bool GateValues { get; init; }

    /// <summary>With <see cref="GateValues"/>: SiLU instead of sigmoid.</summary>
    public bool SwigluValues { get; init; }

    /// <summary>A gated linear unit (sigmoid) as the output projection.</summary>
    public bool OnAttn { get; init; }

    internal int KeyValueHeads => OneKvHead ? 1 : KvHeads ?? Heads;

    internal int SourceDim => DimContext ?? Dim;

    internal int OutputDim => DimOut ?? Dim;

    internal int ValueHeadDim => ValueDimHead ?? DimHead;

    internal int QueryWidth => Heads * DimHead;

    internal int KeyWidth => KeyValueHeads * DimHead;

    internal int ValueWidth => KeyValueHeads * ValueHeadDim;

    internal int MergedWidth => Heads * ValueHeadDim;

    internal bool HasOutputProjection => ProjectOut ?? (Heads > 1 || OutputDim != Dim || OnAttn);

    internal void Validate()
    {
        OptionChecks.Positive(Dim, nameof(Dim));
        OptionChecks.Positive(DimHead, nameof(DimHead));
        OptionChecks.Positive(SourceDim, nameof(DimContext));
        OptionChecks.Positive(Heads, nameof(Heads));
        OptionChecks.Positive(ValueHeadDim, nameof(ValueDimHead));
        OptionChecks.Positive(OutputDim, nameof(DimOut));
        OptionChecks.NotNegative(NumMemKv, nameof(NumMemKv));
        OptionChecks.NotNegative(MaxAttendPast ?? 0, nameof(MaxAttendPast));
        OptionChecks.Probability(Dropout, nameof(Dropout));
        OptionChecks.Probability(SublayerDropout, nameof(SublayerDropout));
        OptionChecks.PositiveOrNull(LogitSoftclampValue, nameof(LogitSoftclampValue));
        OptionChecks.PositiveOrNull(QkNormScale, nameof(QkNormScale));
        if (DimHead > WidestHead || ValueHeadDim > WidestHead)
            throw new ArgumentException($"DimHead = {DimHead}, ValueDimHead = {ValueHeadDim}: heads are at most {WidestHead} wide.", nameof(DimHead));
        ValidateHeads();
        ValidateNormalisation();
        ValidateOutput();
    }

    private void ValidateHeads()
    {
        if (OneKvHead && KvHeads is not null)
            throw new ArgumentException($"KvHeads = {KvHeads} and OneKvHead exclude each other; give one of them.", nameof(KvHeads));
        OptionChecks.Positive(KeyValueHeads, nameof(KvHeads));
        if (Heads % KeyValueHeads != 0)
            throw new ArgumentException($"Heads = {Heads} is not a multiple of KvHeads = {KeyValueHeads}; every key/value head serves the same number of query heads.", nameof(KvHeads));
        if (ValueDimHead is not null && ValueHeadDim != DimHead && NumMemKv > 0)
            throw new ArgumentException($"ValueDimHead = {ValueHeadDim} differs from DimHead = {DimHead}, but the memory of NumMemKv = {NumMemKv} has one width for keys and values.", nameof(ValueDimHead));
    }

    private void ValidateNormalisation()
    {
        OptionChecks.AtMostOne((QkNorm, nameof(QkNorm)), (QkRmsnorm, nameof(QkRmsnorm)), (KRmsnorm, nameof(KRmsnorm)));
        if (QkNormDimScale && !QkNorm)
            throw new ArgumentException("QkNormDimScale scales normalised queries and keys and needs QkNorm = true.", nameof(QkNormDimScale));
        OptionChecks.Positive(QkNormGroups, nameof(QkNormGroups));
        if (QkNorm && (DimHead % QkNormGroups != 0 || DimHead / QkNormGroups <= 2))
            throw new ArgumentException($"QkNormGroups = {QkNormGroups} must divide DimHead = {DimHead} into groups wider than 2.", nameof(QkNormGroups));
        if (ValueRmsnorm && (KeyValueHeads != Heads || ValueHeadDim != DimHead))
            throw new ArgumentException($"ValueRmsnorm needs as many key/value heads as heads and values as wide as keys, not {KeyValueHeads} of {ValueHeadDim} for {Heads} of {DimHead}.", nameof(ValueRmsnorm));
    }

    private void ValidateOutput()
    {
        if (!HasOutputProjection && MergedWidth != OutputDim)
            throw new ArgumentException(
                $"Heads = {Heads} of width {ValueHeadDim} give {MergedWidth} channels and, without an output projection, the output must be as wide, not {OutputDim}. "
                + "Set DimHead to the output width, or ProjectOut to true.",
                nameof(DimHead));
        if (ZeroInitOutput && (!HasOutputProjection || OnAttn))
            throw new ArgumentException("ZeroInitOutput needs a plain output projection to initialise: there is none with one head, nor with OnAttn.", nameof(ZeroInitOutput));
        if (SwigluValues && !GateValues)
            throw new ArgumentException("SwigluValues chooses the activation of GateValues and needs it to be on.", nameof(SwigluValues));
    }
}
