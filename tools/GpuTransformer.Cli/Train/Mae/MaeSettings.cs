using System.ComponentModel;
using GpuTransformer.Cli.Train.Data;
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
    private const int GeneratedSize = 16, MaxImageSize = 4096;

    public MaeSettings()
    {
        Steps = 2000;
        BatchSize = 256;
        LearningRate = 1.5e-3;
    }

    [Description("images to learn from: an IDX file (MNIST), CIFAR-10's binary files, or a folder of PNG, JPEG or BMP; generated ones if not given")]
    [MayChange]
    public string? Data { get; init; }

    [Description("pixels along one side of an image; the data's own if not given, 32 for pictures, 16 for generated images")]
    public int? ImageSize { get; init; }

    [Description("1 for grey, 3 for colour; the data's own if not given")]
    public int? Channels { get; init; }

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
    [MayChange]
    public int EvaluationImages { get; init; } = 4096;

    /// <summary>Where the images come from.</summary>
    /// <exception cref="UsageException">The files are damaged or something else.</exception>
    public IImageSource CreateImages() => (Data, Field) switch
    {
        ({ } path, _) => ImageFiles.Read(path, ImageSize, Channels),
        (_, ImageField.Shapes) => new ShapeImages(ImageSize ?? GeneratedSize),
        _ => new GaussianField(ImageSize ?? GeneratedSize, CorrelationLength),
    };

    /// <summary>How images are cut.</summary>
    /// <exception cref="UsageException">They cannot be cut so.</exception>
    public PatchGrid Grid(int imageSize, int channels)
    {
        Require(imageSize >= 1 && PatchSize >= 1 && imageSize % PatchSize == 0, $"image_size {imageSize} must be a multiple of patch_size {PatchSize}.");
        int patches = imageSize / PatchSize * (imageSize / PatchSize), hidden = (int)Math.Round(patches * MaskRatio);
        Require(
            hidden >= 1 && hidden < patches,
            $"mask_ratio {MaskRatio} of {patches} patches leaves {patches - hidden} visible and {hidden} hidden; at least one of each is needed.");
        return new PatchGrid(imageSize, PatchSize, channels, patches - hidden);
    }

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        Between(1, EvaluationImages, MaxCount, "evaluation_images");
        Between(1, EncoderDepth, MaxDepth, "encoder_depth");
        Between(1, DecoderDepth, MaxDepth, "decoder_depth");
        Between(1, EncoderDim, MaxWidth, "encoder_dim");
        Between(1, DecoderDim, MaxWidth, "decoder_dim");
        Between(1, ImageSize ?? 1, MaxImageSize, "image_size");
        Between(1, PatchSize, MaxImageSize, "patch_size");
        if (Data is null || ImageSize is not null)
            Grid(ImageSize ?? GeneratedSize, 1);
        Require(Channels is null || Data is not null, $"channels is {Channels}, but generated images have one; it goes with data.");
        Require(Channels is null or 1 or 3, $"channels is {Channels}, but must be 1 or 3.");
        Require(CorrelationLength > 0, $"correlation_length is {CorrelationLength}, but must be above 0.");
        Require(EncoderDim % 4 == 0, $"encoder_dim is {EncoderDim}, but must be a multiple of 4.");
        Require(DecoderDim % 4 == 0, $"decoder_dim is {DecoderDim}, but must be a multiple of 4.");
    }
}
