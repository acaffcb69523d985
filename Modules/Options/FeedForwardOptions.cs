using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>One <see cref="FeedForward"/>. Names and defaults are x-transformers'.</summary>
public sealed record FeedForwardOptions
{
    /// <summary>Input width. Needed by a feedforward on its own; in a stack it is the stack's, and left out.</summary>
    [Takes(OptionRange.Positive)]
    public int? Dim { get; init; }

    /// <summary>Output width; null for <see cref="Dim"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimOut { get; init; }

    /// <summary>Inner width over input width; the product is truncated to an integer.</summary>
    public double Mult { get; init; } = 4;

    /// <summary>Gated: value · act(gate), both from one projection twice as wide.</summary>
    public bool Glu { get; init; }

    /// <summary>With <see cref="Glu"/>: a learned factor per inner channel after the gate.</summary>
    public bool GluMultBias { get; init; }

    /// <summary>SiLU instead of GELU; with <see cref="Glu"/> SwiGLU.</summary>
    public bool Swish { get; init; }

    /// <summary>relu(x)² instead of GELU. Takes precedence over <see cref="Swish"/>.</summary>
    public bool ReluSquared { get; init; }

    /// <summary>LayerNorm(softmax(x) · x) instead of GELU. Takes precedence over <see cref="Swish"/>.</summary>
    public bool Solu { get; init; }

    /// <summary>A LayerNorm on the inner activations.</summary>
    public bool PostActLn { get; init; }

    /// <summary>Dropout on the inner activations, in training only.</summary>
    [Takes(OptionRange.Probability)]
    public float Dropout { get; init; }

    /// <summary>Dropout on the output, in training only.</summary>
    [Takes(OptionRange.Probability)]
    public float SublayerDropout { get; init; }

    /// <summary>No bias on the output projection, nor on the input projection unless <see cref="Glu"/>.</summary>
    public bool NoBias { get; init; }

    /// <summary>The output projection starts at zero.</summary>
    public bool ZeroInitOutput { get; init; }

    /// <summary>c in c · tanh(x / c) on the value half (with <see cref="Glu"/>) or before the activation; null for none.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float? SoftclampValue { get; init; }

    /// <summary>c in c · tanh(x / c) on the gate before its activation; null for none.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float? GluGateSoftclampValue { get; init; }

    /// <summary>The input width, checked to be there.</summary>
    internal int InputDim => Dim.GetValueOrDefault();

    internal int InnerDim => (int)(InputDim * Mult);

    internal int OutputDim => DimOut ?? InputDim;

    internal Activation Activation => ReluSquared ? Activation.ReluSquared : Swish ? Activation.Silu : Activation.Gelu;

    internal void Validate()
    {
        OptionChecks.Needed(Dim, nameof(Dim), "a feedforward");
        OptionChecks.Ranges(this);
        if (!(Mult > 0) || InputDim * Mult < 1 || InputDim * Mult > int.MaxValue / 2)
            throw new ArgumentException($"Mult = {Mult} with Dim = {Dim} gives an inner width of {InputDim * Mult}; it must be at least 1.", nameof(Mult));
        OptionChecks.AtMostOne((ReluSquared, nameof(ReluSquared)), (Solu, nameof(Solu)));
        if (GluMultBias && !Glu)
            throw new ArgumentException("GluMultBias scales the output of the gate and needs Glu = true.", nameof(GluMultBias));
        if (GluGateSoftclampValue is not null && !Glu)
            throw new ArgumentException("GluGateSoftclampValue clamps the gate and needs Glu = true.", nameof(GluGateSoftclampValue));
        if (Solu && Glu)
            throw new UnsupportedOptionException("solu", "Solu together with Glu is not supported: the gated unit takes elementwise activations only.");
    }
}
