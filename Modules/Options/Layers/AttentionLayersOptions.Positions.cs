namespace GpuTransformer.Modules;

public sealed partial record AttentionLayersOptions
{
    private const int LeastRotaryDim = 4;

    /// <summary>ALiBi in self-attention: −slope · distance added to the scores.</summary>
    public bool AlibiPosBias { get; init; }

    /// <summary>How many heads have ALiBi, from the first; the others have no bias. Null for all.</summary>
    public int? AlibiNumHeads { get; init; }

    /// <summary>More about the relative position bias.</summary>
    public RelativePositionOptions? RelPosKwargs { get; init; }

    /// <summary>
    /// T5's position bias in self-attention: a learned number per head for each of <see cref="RelPosNumBuckets"/> ranges of distance, times √DimHead, added to
    /// the scores.
    /// </summary>
    public bool RelPosBias { get; init; }

    /// <summary>How many ranges of distance <see cref="RelPosBias"/> tells apart.</summary>
    [Takes(OptionRange.Positive)]
    public int RelPosNumBuckets { get; init; } = 32;

    /// <summary>From which distance on all keys are in the last range of <see cref="RelPosBias"/>.</summary>
    [Takes(OptionRange.Positive)]
    public int RelPosMaxDistance { get; init; } = 128;

    /// <summary>A small network makes self-attention's position bias of the distance.</summary>
    public bool DynamicPosBias { get; init; }

    /// <summary>With <see cref="DynamicPosBias"/>: the network is given sign · ln(|distance| + 1).</summary>
    public bool DynamicPosBiasLogDistance { get; init; }

    /// <summary>How many hidden layers the network of <see cref="DynamicPosBias"/> has.</summary>
    [Takes(OptionRange.Positive)]
    public int DynamicPosBiasMlpDepth { get; init; } = 2;

    /// <summary>With <see cref="DynamicPosBias"/>: the network's hidden layers are normalised.</summary>
    public bool DynamicPosBiasNorm { get; init; }

    /// <summary>
    /// Rotary positions: queries and keys of self-attention are rotated by their positions; those of cross-attention too where the call gives the context's
    /// positions.
    /// </summary>
    public bool RotaryPosEmb { get; init; }

    /// <summary>How many columns of each head are rotated, from the first: an even number of at least 4; null for half of the head.</summary>
    [Takes(OptionRange.Positive)]
    public int? RotaryEmbDim { get; init; }

    /// <summary>xPos: rotary positions with a decay by distance. Causal only.</summary>
    public bool RotaryXpos { get; init; }

    /// <summary>By how many positions the decay of <see cref="RotaryXpos"/> is measured.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float RotaryXposScaleBase { get; init; } = 512;

    /// <summary>Angles of rotary positions are divided by this; at least 1.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float RotaryInterpolationFactor { get; init; } = 1;

    /// <summary>The base of rotary positions, 10,000, is multiplied by this to the power d / (d − 2), d being the rotated columns.</summary>
    [Takes(OptionRange.PositiveNumber)]
    public float RotaryBaseRescaleFactor { get; init; } = 1;

    /// <summary>How many heads of self-attention are rotated, from the last; null for all. Needs as many key/value heads as heads.</summary>
    [Takes(OptionRange.Positive)]
    public int? RotateNumHeads { get; init; }

    /// <summary>Polar positions: softplus of queries and keys as lengths, positions as angles; heads become twice as wide.</summary>
    public bool PolarPosEmb { get; init; }

    /// <summary>With <see cref="PolarPosEmb"/>: the learned angles start uniform in [−2π, 0] rather than at zero.</summary>
    public bool PolarBiasUniformInit { get; init; }

    internal bool HasRotary => RotaryPosEmb || RotaryXpos;

    internal int RotaryDim => RotaryEmbDim ?? Attn.DimHead / 2;

    /// <summary>Whether the stack itself reads positions.</summary>
    internal bool ReadsPositions => AlibiPosBias || HasRotary || PolarPosEmb;

    /// <summary>Whether a wrapper leaves out absolute positions.</summary>
    internal bool ReplacesAbsolutePositions => DisableAbsPosEmb ?? (RelPosBias || HasRotary || PolarPosEmb);

    private void ValidatePositions()
    {
        OptionChecks.AtMostOne((RelPosBias, nameof(RelPosBias)), (DynamicPosBias, nameof(DynamicPosBias)), (AlibiPosBias, nameof(AlibiPosBias)));
        OptionChecks.AtMostOne((HasRotary, nameof(RotaryPosEmb)), (PolarPosEmb, nameof(PolarPosEmb)));
        if (RelPosBias && RelPosNumBuckets > RelPosMaxDistance)
            throw new ArgumentException(
                $"RelPosNumBuckets = {RelPosNumBuckets} must be at most RelPosMaxDistance = {RelPosMaxDistance}.", nameof(RelPosNumBuckets));
        if (RelPosBias && RelPosNumBuckets < (Causal ? 2 : 4))
            throw new ArgumentException(
                $"RelPosNumBuckets = {RelPosNumBuckets}, but {(Causal ? "a causal" : "this")} stack needs at least {(Causal ? 2 : 4)}.",
                nameof(RelPosNumBuckets));
        if (DynamicPosBias && Dim < 4)
            throw new ArgumentException($"Dim = {Dim}, but the network of DynamicPosBias is a fourth of it wide; it needs at least 4.", nameof(Dim));
        if (HasRotary)
            ValidateRotary();
        if (PolarPosEmb && (Attn.OneKvHead || (Attn.KvHeads ?? Heads) != Heads))
            throw new ArgumentException("PolarPosEmb has learned angles for each head's keys: leave Attn.KvHeads and Attn.OneKvHead out.", nameof(PolarPosEmb));
        if (PolarPosEmb)
            ValidatePolar();
        ValidateAlibi();
    }

    // Heads become twice as wide, and what is put beside them does not.
    private void ValidatePolar()
    {
        foreach (AttentionOptions attention in AttnEach ?? [Attn])
        {
            if (attention.NumMemKv > 0 || attention.UseCope)
                throw new ArgumentException(
                    "PolarPosEmb makes queries and keys twice as wide, but NumMemKv and UseCope have vectors as wide as DimHead; choose one.",
                    nameof(PolarPosEmb));
            if (attention.DimHead > AttentionOptions.WidestHead / 2)
                throw new ArgumentException(
                    $"Attn.DimHead = {attention.DimHead}, but PolarPosEmb makes heads twice as wide, and they are at most {AttentionOptions.WidestHead} wide.",
                    nameof(Attn));
        }
    }

    private void ValidateRotary()
    {
        if (RotaryXpos && !Causal)
            throw new ArgumentException("RotaryXpos decays with the distance to earlier keys and needs a causal stack, as a Decoder.", nameof(RotaryXpos));
        int dim = RotaryDim;
        if (RotaryEmbDim is not null && dim % 2 != 0)
            throw new ArgumentException($"RotaryEmbDim = {dim} must be even: columns are rotated in pairs.", nameof(RotaryEmbDim));
        if (dim + dim % 2 > Attn.DimHead || dim < LeastRotaryDim)
            throw new ArgumentException(
                $"RotaryEmbDim = {dim} must be at least {LeastRotaryDim} and at most Attn.DimHead = {Attn.DimHead}; left out, it is half of that.",
                nameof(RotaryEmbDim));
        if (RotaryInterpolationFactor < 1f)
            throw new ArgumentException($"RotaryInterpolationFactor = {RotaryInterpolationFactor} must be at least 1.", nameof(RotaryInterpolationFactor));
    }

    private void ValidateAlibi()
    {
        if (!AlibiPosBias)
        {
            if (AlibiNumHeads is not null || RelPosKwargs?.Slopes is not null)
                throw new ArgumentException(
                    "AlibiNumHeads and RelPosKwargs.Slopes describe ALiBi, which is off: set AlibiPosBias = true.", nameof(AlibiPosBias));
            return;
        }

        int biased = AlibiNumHeads ?? Heads;
        if (biased < 1 || biased > Heads)
            throw new ArgumentException($"AlibiNumHeads = {biased} must lie between 1 and Heads = {Heads}.", nameof(AlibiNumHeads));
        if (RelPosKwargs?.Slopes is { } slopes && slopes.Count != biased)
            throw new ArgumentException(
                $"RelPosKwargs.Slopes has {slopes.Count} slopes for {biased} heads with ALiBi; give one for each.", nameof(RelPosKwargs));
    }
}
