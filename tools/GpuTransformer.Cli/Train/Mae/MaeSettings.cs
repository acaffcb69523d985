using System.ComponentModel;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Mae;

/// <summary>Which images are generated.</summary>
internal enum ImageField
{
    /// <summary>A Gaussian random field, whose optimum is known.</summary>
    Gaussian,

    /// <summary>Rectangles, discs and gratings.</summary>
    Shapes,
}

/// <summary>What <c>train mae</c> does; the defaults are a run of about two minutes on four cores.</summary>
internal sealed record MaeSettings : TrainingSettings
{
    public MaeSettings()
    {
        Steps = 2500;
        BatchSize = 256;
        LearningRate = 1.5e-3;
    }

    [Description("pixels along one side of an image")]
    public int ImageSize { get; init; } = 16;

    [Description("pixels along one side of a patch")]
    public int PatchSize { get; init; } = 4;

    [Description("which images are generated")]
    public ImageField Field { get; init; } = ImageField.Gaussian;

    [Description("pixels over which the Gaussian field changes")]
    public double CorrelationLength { get; init; } = 4;

    [Description("share of the patches that is hidden")]
    public double MaskRatio { get; init; } = 0.75;

    [Description("the encoder's width")]
    public int EncoderDim { get; init; } = 128;

    [Description("the encoder's blocks")]
    public int EncoderDepth { get; init; } = 3;

    [Description("the decoder's width")]
    public int DecoderDim { get; init; } = 64;

    [Description("the decoder's blocks")]
    public int DecoderDepth { get; init; } = 2;

    [Description("how the decoder sees the encoder's tokens: through rectangular weights, projected to its own width, or in self-attention")]
    public MaskedDecoder Decoder { get; init; } = MaskedDecoder.CrossAttending;

    [Description("images for the final measurement")]
    public int EvaluationImages { get; init; } = 4096;

    /// <summary>The grid for images of some channels.</summary>
    public PatchGrid Grid(int channels)
    {
        int patches = ImageSize / PatchSize * (ImageSize / PatchSize);
        return new PatchGrid(ImageSize, PatchSize, channels, patches - (int)Math.Round(patches * MaskRatio));
    }

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        AtLeast(1, EvaluationImages, "evaluation_images");
        AtLeast(1, EncoderDepth, "encoder_depth");
        AtLeast(1, DecoderDepth, "decoder_depth");
        Require(ImageSize >= 1 && PatchSize >= 1 && ImageSize % PatchSize == 0, $"image_size {ImageSize} must be a multiple of patch_size {PatchSize}.");
        PatchGrid grid = Grid(1);
        Require(grid.Visible >= 1 && grid.Hidden >= 1, $"mask_ratio {MaskRatio} of {grid.Patches} patches leaves {grid.Visible} visible and {grid.Hidden} hidden; at least one of each is needed.");
        Require(CorrelationLength > 0, $"correlation_length is {CorrelationLength}, but must be above 0.");
        Require(EncoderDim % 4 == 0 && EncoderDim > 0, $"encoder_dim is {EncoderDim}, but must be a positive multiple of 4.");
        Require(DecoderDim % 4 == 0 && DecoderDim > 0, $"decoder_dim is {DecoderDim}, but must be a positive multiple of 4.");
    }
}
