using System.ComponentModel;

namespace GpuTransformer.Cli.Train;

/// <summary>What a model computes in; the names are those of the command line.</summary>
internal enum Precision
{
    Float32,
    Bfloat16,
    Float16,
}

/// <summary>
/// What every training command can be told. A described property is a setting in three forms at once: a name in the configuration file (<c>batch_size</c>), an
/// option (<c>--batch-size</c>) and a line of <c>--help</c>. There is no second list.
/// </summary>
internal abstract record TrainingSettings
{
    /// <summary>
    /// The most examples of a batch or of an evaluation, the widest layer, the deepest stack: far beyond what a demonstration needs, and what it takes can
    /// still be counted.
    /// </summary>
    protected const int MaxCount = 1_000_000, MaxWidth = 65_536, MaxDepth = 1000;

    [Description("training steps")]
    [MayChange]
    public int Steps { get; init; } = 1000;

    [Description("minutes to train for, in place of a number of steps; 0 to count steps")]
    [MayChange]
    public double Minutes { get; init; }

    [Description("examples per step")]
    [MayChange]
    public int BatchSize { get; init; } = 64;

    [Description("the highest learning rate; it falls to zero along half a cosine")]
    [MayChange]
    public double LearningRate { get; init; } = 1e-3;

    [Description("steps until the highest rate is reached; at most a tenth of all")]
    [MayChange]
    public int WarmUpSteps { get; init; } = 100;

    [Description("AdamW's decoupled weight decay of matrices")]
    [MayChange]
    public double WeightDecay { get; init; } = 0.01;

    [Description("gradients are scaled down to this global norm; 0 for no limit")]
    [MayChange]
    public double ClipNorm { get; init; } = 1;

    [Description("evaluate a moving average of the parameters that keeps this much of itself in each step; 0 for the parameters themselves")]
    public double EmaDecay { get; init; }

    [Description("seed of parameters and data")]
    public int Seed { get; init; } = 1;

    [Description("what the model computes in; parameters and the optimizer stay in float32")]
    [MayChange]
    public Precision Precision { get; init; }

    [Description("steps between checkpoints")]
    [MayChange]
    public int CheckpointEvery { get; init; } = 200;

    /// <summary>Throws a <see cref="UsageException"/> if a number is out of range or two contradict each other.</summary>
    public virtual void Check()
    {
        Between(1, Steps, int.MaxValue, "steps");
        Require(Minutes >= 0 && Minutes <= MaxCount, $"minutes is {Minutes}, but must be from 0 to {MaxCount}.");
        Between(1, BatchSize, MaxCount, "batch_size");
        Between(0, WarmUpSteps, int.MaxValue, "warm_up_steps");
        Between(1, CheckpointEvery, int.MaxValue, "checkpoint_every");
        Require(LearningRate > 0 && double.IsFinite(LearningRate), $"learning_rate is {LearningRate}, but must be above 0.");
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), $"weight_decay is {WeightDecay}, but must be at least 0.");
        Require(ClipNorm >= 0 && double.IsFinite(ClipNorm), $"clip_norm is {ClipNorm}, but must be at least 0.");
        Require(EmaDecay is >= 0 and < 1, $"ema_decay is {EmaDecay}, but must be from 0 to below 1.");
    }

    protected static void Between(int least, int value, int most, string name)
        => Require(value >= least && value <= most, $"{name} is {value}, but must be from {least} to {most}.");

    protected static void Require(bool holds, FormattableString otherwise)
    {
        if (!holds)
            throw new UsageException(FormattableString.Invariant(otherwise));
    }
}
