using System.ComponentModel;

namespace GpuTransformer.Cli.Train.Text;

/// <summary>What <c>train text</c> does; the defaults are a run of less than five minutes on two cores.</summary>
internal sealed record TextSettings : TrainingSettings
{
    private const int MaxLength = 1 << 20, MaxBatchBytes = 1 << 22;

    public TextSettings()
    {
        Steps = 1500;
        BatchSize = 16;
        LearningRate = 2e-3;
        WeightDecay = 0.1;
    }

    [Description("the text: a file, or a folder, read with its subfolders; needed")]
    [MayChange]
    public string? Data { get; init; }

    [Description("which files of a folder are read, by name, separated by semicolons; folders named bin and obj or beginning with a dot are passed over")]
    [MayChange]
    public string Pattern { get; init; } = TextFiles.UsualPattern;

    [Description("bytes that the model sees at once; it learns to say all but the first")]
    public int Length { get; init; } = 128;

    [Description("the model's width")]
    public int Dim { get; init; } = 128;

    [Description("blocks of attention and feedforward")]
    public int Depth { get; init; } = 4;

    [Description("heads of every attention")]
    public int Heads { get; init; } = 4;

    [Description("the width of a head; at least 32, the part that rotary positions turn")]
    public int DimHead { get; init; } = 32;

    [Description("how many times as wide as the model the feedforward is inside")]
    public double FfMult { get; init; } = 3;

    [Description("share of the activations that is dropped in training")]
    public double Dropout { get; init; }

    [Description("held-out bytes that are measured with one window, the rest of it being what stands before them; half the length if not given")]
    [MayChange]
    public int? Stride { get; init; }

    [Description("steps between two samples of what the model writes; 0 for none before the end")]
    [MayChange]
    public int SampleEvery { get; init; } = 250;

    [Description("bytes of a sample")]
    [MayChange]
    public int SampleLength { get; init; } = 200;

    [Description("what a sample begins with; the last bytes before the held-out text if not given")]
    [MayChange]
    public string? Prompt { get; init; }

    [Description("the sharpness of a sample: 0 takes the likeliest byte, 1 draws with the model's own probabilities")]
    [MayChange]
    public double Temperature { get; init; } = 0.7;

    /// <summary><see cref="Stride"/>, or what stands for it.</summary>
    public int EvaluationStride => Stride ?? Math.Max(1, Length / 2);

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        Require(!string.IsNullOrEmpty(Data), $"data is not given: --data FILE or FOLDER says which text to learn.");
        Require(TextFiles.Patterns(Pattern).Length > 0, $"pattern is '{Pattern}', but must name files, as '*.md;*.txt'.");
        Between(2, Length, MaxLength, "length");
        Require(
            (long)BatchSize * Length <= MaxBatchBytes,
            $"batch_size {BatchSize} by length {Length} is {(long)BatchSize * Length} bytes at once, but {MaxBatchBytes} are the most.");
        Between(1, Dim, MaxWidth, "dim");
        Between(1, Depth, MaxDepth, "depth");
        Between(1, Heads, MaxDepth, "heads");
        Between(TextModel.RotaryWidth, DimHead, MaxWidth, "dim_head");
        Require(FfMult > 0 && FfMult <= MaxDepth, $"ff_mult is {FfMult}, but must be above 0 and at most {MaxDepth}.");
        Require(Dropout is >= 0 and < 1, $"dropout is {Dropout}, but must be from 0 to below 1.");
        Require(
            Stride is null || (Stride >= 1 && Stride < Length),
            $"stride is {Stride}, but must be from 1 to {Length - 1}, the bytes that a window of {Length} says.");
        Between(0, SampleEvery, int.MaxValue, "sample_every");
        Between(1, SampleLength, MaxCount, "sample_length");
        Require(Prompt is null || Prompt.Length > 0, $"prompt is empty, but the first byte needs something to follow.");
        Require(Temperature >= 0 && double.IsFinite(Temperature), $"temperature is {Temperature}, but must be at least 0.");
    }
}
