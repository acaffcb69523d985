namespace GpuTransformer.Modules;

/// <summary>How a masked autoencoder's decoder sees what the encoder made.</summary>
public enum MaskedDecoder
{
    /// <summary>Mask tokens attend the encoder's tokens at the encoder's width, through rectangular key and value weights (CrossMAE's decoder).</summary>
    CrossAttending,

    /// <summary>The same, but the encoder's tokens are first projected to the decoder's width: what the rectangular weights spare.</summary>
    Squeezed,

    /// <summary>Mask tokens and projected encoder tokens attend each other (the original MAE decoder).</summary>
    SelfAttending,
}

/// <summary>What a masked autoencoder is.</summary>
public sealed record MaskedAutoencoderOptions
{
    /// <summary>Rows of the patch grid.</summary>
    public required int GridRows { get; init => field = OptionChecks.AtLeastOne(value); }

    /// <summary>Columns of the patch grid.</summary>
    public required int GridColumns { get; init => field = OptionChecks.AtLeastOne(value); }

    /// <summary>Numbers in one patch: patch² · channels.</summary>
    public required int PatchDim { get; init => field = OptionChecks.AtLeastOne(value); }

    /// <summary>The encoder's width; a multiple of four.</summary>
    public int EncoderDim { get; init => field = OptionChecks.AtLeastOne(value); } = 128;

    /// <summary>The encoder's blocks.</summary>
    public int EncoderDepth { get; init => field = OptionChecks.AtLeastOne(value); } = 3;

    /// <summary>The encoder's heads.</summary>
    public int EncoderHeads { get; init => field = OptionChecks.AtLeastOne(value); } = 4;

    /// <summary>The decoder's width; a multiple of four.</summary>
    public int DecoderDim { get; init => field = OptionChecks.AtLeastOne(value); } = 64;

    /// <summary>The decoder's blocks.</summary>
    public int DecoderDepth { get; init => field = OptionChecks.AtLeastOne(value); } = 2;

    /// <summary>The decoder's heads.</summary>
    public int DecoderHeads { get; init => field = OptionChecks.AtLeastOne(value); } = 4;

    /// <summary>The width of one head in both.</summary>
    public int DimHead { get; init => field = OptionChecks.AtLeastOne(value); } = 32;

    /// <summary>How the decoder sees the encoder's tokens.</summary>
    public MaskedDecoder Decoder { get; init => field = OptionChecks.Defined(value); } = MaskedDecoder.CrossAttending;
}
