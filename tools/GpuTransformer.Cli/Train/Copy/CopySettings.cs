using System.ComponentModel;

namespace GpuTransformer.Cli.Train.Copy;

/// <summary>In which order the decoder has to say the source's symbols.</summary>
internal enum CopyOrder
{
    /// <summary>As they are.</summary>
    Same,

    /// <summary>The last first.</summary>
    Reversed,

    /// <summary>In one order, drawn from the seed, for all sequences: no rule but the table itself leads from position to position.</summary>
    Permuted,
}

/// <summary>What <c>train copy</c> does; the defaults are a run of less than two minutes on four cores.</summary>
internal sealed record CopySettings : TrainingSettings
{
    public CopySettings()
    {
        Steps = 800;
        LearningRate = 2e-3;
    }

    [Description("different symbols")]
    public int Symbols { get; init; } = 16;

    [Description("symbols in a sequence")]
    public int SourceLength { get; init; } = 32;

    [Description("the order in which they are to be said")]
    public CopyOrder Order { get; init; } = CopyOrder.Same;

    [Description("the encoder's width, which is the context's")]
    public int EncoderDim { get; init; } = 128;

    [Description("the encoder's blocks")]
    public int EncoderDepth { get; init; } = 1;

    [Description("the decoder's width")]
    public int DecoderDim { get; init; } = 96;

    [Description("the decoder's blocks")]
    public int DecoderDepth { get; init; } = 2;

    [Description("heads of every attention")]
    public int Heads { get; init; } = 4;

    [Description("the width of a head")]
    public int DimHead { get; init; } = 32;

    [Description("fresh sequences that are decoded at the end")]
    [MayChange]
    public int EvaluationSequences { get; init; } = 512;

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        Between(2, Symbols, MaxCount, "symbols");
        Between(1, SourceLength, MaxWidth, "source_length");
        Between(1, EncoderDepth, MaxDepth, "encoder_depth");
        Between(1, DecoderDepth, MaxDepth, "decoder_depth");
        Between(1, Heads, MaxDepth, "heads");
        Between(1, DimHead, MaxWidth, "dim_head");
        Between(1, EvaluationSequences, MaxCount, "evaluation_sequences");
        Between(2, EncoderDim, MaxWidth, "encoder_dim");
        Between(2, DecoderDim, MaxWidth, "decoder_dim");
        Require(EncoderDim % 2 == 0, $"encoder_dim is {EncoderDim}, but must be even.");
        Require(DecoderDim % 2 == 0, $"decoder_dim is {DecoderDim}, but must be even.");
    }
}
