using System.Text.Json;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>What <c>train mae</c> does; the defaults are a run of about three minutes on four cores.</summary>
internal sealed record MaeSettings
{
    public int ImageSize { get; init; } = 16;

    public int PatchSize { get; init; } = 4;

    public double CorrelationLength { get; init; } = 4;

    public double MaskRatio { get; init; } = 0.75;

    public int EncoderDim { get; init; } = 128;

    public int EncoderDepth { get; init; } = 3;

    public int DecoderDim { get; init; } = 64;

    public int DecoderDepth { get; init; } = 2;

    public MaskedDecoder Decoder { get; init; } = MaskedDecoder.CrossAttending;

    public int BatchSize { get; init; } = 256;

    public int Steps { get; init; } = 2500;

    public double LearningRate { get; init; } = 1.5e-3;

    public int WarmUpSteps { get; init; } = 100;

    public double WeightDecay { get; init; } = 0.01;

    public double ClipNorm { get; init; } = 1;

    public int Seed { get; init; } = 1;

    public int EvaluationImages { get; init; } = 4096;

    public int CheckpointEvery { get; init; } = 200;

    /// <summary>Reads settings from JSON with snake_case names; what is not named keeps its default.</summary>
    /// <exception cref="UsageException">The file is no JSON object, or names something unknown.</exception>
    public static MaeSettings Read(FileInfo file)
    {
        try
        {
            using FileStream stream = file.OpenRead();
            return JsonSerializer.Deserialize<MaeSettings>(stream, TrainingRun.Json) ?? throw new UsageException($"'{file.FullName}' holds null; a JSON object is needed.");
        }
        catch (JsonException exception)
        {
            throw new UsageException($"'{file.FullName}' is no configuration of train mae: {exception.Message}");
        }
    }

    /// <summary>Throws if the numbers contradict each other.</summary>
    public void Check()
    {
        if (ImageSize < 1 || PatchSize < 1 || ImageSize % PatchSize != 0)
            throw new UsageException($"image_size {ImageSize} must be a multiple of patch_size {PatchSize}.");
        if (Hidden < 1 || Visible < 1)
            throw new UsageException($"mask_ratio {MaskRatio} of {Patches} patches leaves {Visible} visible and {Hidden} hidden; at least one of each is needed.");
        if (BatchSize < 1 || Steps < 1 || CheckpointEvery < 1 || EvaluationImages < 1)
            throw new UsageException("batch_size, steps, checkpoint_every and evaluation_images must be positive.");
    }

    public int GridSize => ImageSize / PatchSize;

    public int Patches => GridSize * GridSize;

    public int Hidden => (int)Math.Round(Patches * MaskRatio);

    public int Visible => Patches - Hidden;
}
