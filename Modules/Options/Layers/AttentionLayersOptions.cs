namespace GpuTransformer.Modules;

/// <summary>
/// A stack of layers: <see cref="Encoder"/>, <see cref="Decoder"/>, <see cref="CrossAttender"/> and their kin, with x-transformers' names and defaults. What
/// has a prefix there is a record here: <c>attn_dim_head</c> is <c>Attn.DimHead</c>, <c>cross_attn_dim_context</c> is <c>CrossAttn.DimContext</c>,
/// <c>ff_glu</c> is <c>Ff.Glu</c>.
/// </summary>
public sealed partial record AttentionLayersOptions
{
    /// <summary>Model width.</summary>
    [Takes(OptionRange.Positive)]
    public required int Dim { get; init; }

    /// <summary>Number of blocks. Needed unless <see cref="CustomLayers"/> is given. A stack has at most 10,000 layers.</summary>
    [Takes(OptionRange.Positive)]
    public int? Depth { get; init; }

    /// <summary>Query heads of every attention layer.</summary>
    [Takes(OptionRange.Positive)]
    public int Heads { get; init; } = 8;

    /// <summary>Self-attention sees no later key. Set by <see cref="Decoder"/>; give it to a plain <see cref="AttentionLayers"/> only.</summary>
    public bool Causal { get; init; }

    /// <summary>A cross-attention layer in every block; a context must then be passed.</summary>
    public bool CrossAttend { get; init; }

    /// <summary>With <see cref="CrossAttend"/>: no self-attention. Set by <see cref="CrossAttender"/>.</summary>
    public bool OnlyCross { get; init; }

    /// <summary>An extra feedforward at the start of every block; every feedforward's output is halved.</summary>
    public bool Macaron { get; init; }

    /// <summary>One block's parameters, run <see cref="Depth"/> times.</summary>
    public bool WeightTieLayers { get; init; }

    /// <summary>The layers themselves: <c>a</c> self-attention, <c>c</c> cross-attention, <c>f</c> feedforward. Null for blocks.</summary>
    public IReadOnlyList<string>? CustomLayers { get; init; }

    /// <summary>The order in which layers run, by their index; an index may occur several times. Null for each once, in order.</summary>
    public IReadOnlyList<int>? LayersExecuteOrder { get; init; }

    /// <summary>Sandwich transformer: this many attention layers first, as many feedforwards last.</summary>
    public int? SandwichCoef { get; init; }

    /// <summary>PAR transformer: attention layers thinned out by this ratio, feedforwards in their place.</summary>
    [Takes(OptionRange.Positive)]
    public int? ParRatio { get; init; }

    /// <summary>The final sum is clamped by c · tanh(x / c) before the final norm.</summary>
    public bool SoftclampOutput { get; init; }

    /// <summary>c of <see cref="SoftclampOutput"/>.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float SoftclampOutputValue { get; init; } = 30;

    /// <summary>Every branch's last projection starts at zero.</summary>
    public bool ZeroInitBranchOutput { get; init; }

    /// <summary>Probability that training skips a layer.</summary>
    [Takes(OptionRange.Probability)]
    public float LayerDropout { get; init; }

    /// <summary>Whether a wrapper shall leave out its absolute positions. Null for the stack's own choice: with rotary, polar and T5
    /// positions it does.</summary>
    public bool? DisableAbsPosEmb { get; init; }

    /// <summary>x-transformers prints more; accepted and without effect.</summary>
    public bool Verbose { get; init; } = true;
}

/// <summary>x-transformers' <c>rel_pos_kwargs</c>.</summary>
public sealed record RelativePositionOptions
{
    /// <summary>ALiBi slopes in place of the usual ones, one for each head that has a bias.</summary>
    public IReadOnlyList<float>? Slopes { get; init; }
}
