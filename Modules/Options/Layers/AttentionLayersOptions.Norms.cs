namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    /// <summary>Normalise before each layer; if false, after each residual sum.</summary>
    public bool PreNorm { get; init; } = true;

    /// <summary>Normalise the result of a pre-norm stack. Null for true, except in a <see cref="TransformerBlock"/>.</summary>
    public bool? PreNormHasFinalNorm { get; init; }

    /// <summary>Normalise before each layer and after each residual sum; no final norm.</summary>
    public bool PreAndPostNorm { get; init; }

    /// <summary>One more norm on every branch's output.</summary>
    public bool SandwichNorm { get; init; }

    /// <summary>RMSNorm instead of LayerNorm.</summary>
    public bool UseRmsnorm { get; init; }

    /// <summary>ScaleNorm (RMSNorm with a scalar gain) instead of LayerNorm.</summary>
    public bool UseScalenorm { get; init; }

    /// <summary>RMSNorm without gain instead of LayerNorm.</summary>
    public bool UseSimpleRmsnorm { get; init; }

    /// <summary>gain · tanh(scale · x) + bias instead of LayerNorm.</summary>
    public bool UseDynamicTanh { get; init; }

    /// <summary>The scale of <see cref="UseDynamicTanh"/> at the start.</summary>
    [Takes(OptionRange.Finite)]
    public float DynamicTanhInitAlpha { get; init; } = 1;

    /// <summary>gain · erf(scale · x + shift) + bias instead of LayerNorm.</summary>
    public bool UseDerf { get; init; }

    /// <summary>LayerNorm whose gain is a projection of the condition; a condition must then be passed.</summary>
    public bool UseAdaptiveLayernorm { get; init; }

    /// <summary>RMSNorm whose gain is a projection of the condition; a condition must then be passed.</summary>
    public bool UseAdaptiveRmsnorm { get; init; }

    /// <summary>Gains are stored minus one.</summary>
    public bool NormAddUnitOffset { get; init; } = true;

    /// <summary>Width of the condition; null for <see cref="Dim"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int? DimCondition { get; init; }

    /// <summary>Widen the condition by a projection and SiLU first.</summary>
    public bool AdaptiveConditionMlp { get; init; }

    /// <summary>How much <see cref="AdaptiveConditionMlp"/> widens.</summary>
    [Takes(OptionRange.Positive)]
    public int AdaptiveConditionMlpExpansion { get; init; } = 4;

    /// <summary>A learned factor per channel on every branch's output.</summary>
    public bool UseLayerscale { get; init; }

    /// <summary>The factor of <see cref="UseLayerscale"/> at the start.</summary>
    [Takes(OptionRange.Finite)]
    public float LayerscaleInitValue { get; init; }

    /// <summary>As <see cref="UseLayerscale"/>, the factor being sigmoid of a projection of the condition.</summary>
    public bool UseAdaptiveLayerscale { get; init; }

    /// <summary>A learned factor per channel on the residual.</summary>
    public bool ScaleResidual { get; init; }

    /// <summary>A constant factor on the residual.</summary>
    [Takes(OptionRange.Finite)]
    public float ScaleResidualConstant { get; init; } = 1;

    /// <summary>A GRU cell in place of the residual sum.</summary>
    public bool GateResidual { get; init; }

    internal bool NeedsCondition => UseAdaptiveLayernorm || UseAdaptiveRmsnorm || UseAdaptiveLayerscale;

    internal int ConditionDim => DimCondition ?? Dim;

    internal int NormConditionDim => AdaptiveConditionMlp ? ConditionDim * AdaptiveConditionMlpExpansion : ConditionDim;

    internal bool HasPreNorm => PreNorm || PreAndPostNorm;

    internal bool HasPostNorm => !PreNorm || PreAndPostNorm;

    internal bool HasFinalNorm => PreNorm && !PreAndPostNorm && PreNormHasFinalNorm != false;
}
