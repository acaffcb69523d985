namespace GpuTransformer.Modules;

/// <summary>Everything about one <see cref="Attention"/>, on its own or in a stack. Names and defaults are x-transformers' <c>Attention</c>.</summary>
public sealed partial record AttentionOptions : AttentionCoreOptions
{
    /// <summary>
    /// Width of the queries' input, and of the output unless <see cref="DimOut"/>. Needed by an attention on its own; in a stack it is the stack's, and left
    /// out.
    /// </summary>
    [Takes(OptionRange.Positive)]
    public int? Dim { get; init; }

    /// <summary>Width per head; the scores' scale is DimHead^-0.5.</summary>
    [Takes(OptionRange.Positive)]
    public int DimHead { get; init; } = 64;

    /// <summary>Width of the keys' and values' input; null for <see cref="Dim"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimContext { get; init; }

    /// <summary>Query heads; null for 8. In a stack they are the stack's, and left out.</summary>
    [Takes(OptionRange.Positive)]
    public int? Heads { get; init; }

    /// <summary>Dropout on the output, in training only.</summary>
    [Takes(OptionRange.Probability)]
    public float SublayerDropout { get; init; }

    /// <summary>Learned keys and values put before the others, visible to every query and without position.</summary>
    [Takes(OptionRange.Count)]
    public int NumMemKv { get; init; }

    /// <summary>Key/value heads; null for <see cref="Heads"/>. Query head h reads key/value head h mod KvHeads.</summary>
    [Takes(OptionRange.Positive)]
    public int? KvHeads { get; init; }

    /// <summary>One key/value head for all query heads.</summary>
    public bool OneKvHead { get; init; }

    /// <summary>Width of a value head; null for <see cref="DimHead"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int? ValueDimHead { get; init; }

    /// <summary>Output width; null for <see cref="Dim"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimOut { get; init; }

    /// <summary>Whether there is an output projection; null for only if there are several heads or the output has another width.</summary>
    public bool? ProjectOut { get; init; }

    /// <summary>The output projection starts at zero.</summary>
    public bool ZeroInitOutput { get; init; }

    /// <summary>L2-normalise queries and keys per head; the scores' scale becomes <see cref="QkNormScale"/>.</summary>
    public bool QkNorm { get; init; }

    /// <summary>Split each head into this many groups and normalise each.</summary>
    [Takes(OptionRange.Positive)]
    public int QkNormGroups { get; init; } = 1;

    /// <summary>The scores' scale under <see cref="QkNorm"/>.</summary>
    [Takes(OptionRange.PositiveNumber)]
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
    [Takes(OptionRange.Count)]
    public int? MaxAttendPast { get; init; }

    /// <summary>Average exp(value) rather than the value, and take the logarithm of the output.</summary>
    public bool Laser { get; init; }

    /// <summary>c of c · tanh(value / c) before the exponential of <see cref="Laser"/>.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float LaserSoftclampValue { get; init; } = 15;

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

    /// <summary>The width of the queries' input, checked to be there.</summary>
    internal int InputDim => Dim.GetValueOrDefault();

    internal int QueryHeads => Heads ?? 8;

    internal int KeyValueHeads => OneKvHead ? 1 : KvHeads ?? QueryHeads;

    internal int SourceDim => DimContext ?? InputDim;

    internal int OutputDim => DimOut ?? InputDim;

    internal int ValueHeadDim => ValueDimHead ?? DimHead;

    internal int QueryWidth => QueryHeads * DimHead;

    internal int KeyWidth => KeyValueHeads * DimHead;

    internal int ValueWidth => KeyValueHeads * ValueHeadDim;

    internal int MergedWidth => QueryHeads * ValueHeadDim;

    internal bool HasOutputProjection => ProjectOut ?? (QueryHeads > 1 || OutputDim != InputDim || OnAttn);
}
