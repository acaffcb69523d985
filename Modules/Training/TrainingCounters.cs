using System.Globalization;

namespace GpuTransformer.Modules;

/// <summary>What a training checkpoint holds besides tensors, as the metadata of its file.</summary>
/// <param name="Step">The number of the next step.</param>
/// <param name="OptimizerStep">How many steps the optimizer took.</param>
/// <param name="Skipped">How many steps were skipped because something was not finite.</param>
/// <param name="Seed">What dropout draws from.</param>
/// <param name="Scale">The loss scale.</param>
/// <param name="GoodSteps">Good steps since the loss scale last changed.</param>
/// <param name="Optimizer">The optimizer's class.</param>
internal sealed record TrainingCounters(long Step, long OptimizerStep, long Skipped, int Seed, float Scale, int GoodSteps, string Optimizer)
{
    private const string StepKey = "step", SeedKey = "seed", OptimizerStepKey = "optimizer_step", SkippedKey = "skipped_steps", ScaleKey = "loss_scale",
        GoodStepsKey = "loss_scale_good_steps", OptimizerKey = "optimizer";

    // Beyond it the streams of random numbers would repeat; see TrainingStep.
    private const long MostSteps = (1L << 32) - 1;

    public static TrainingCounters Of(Trainer trainer) => new(
        trainer.StepNumber,
        trainer.Optimizer.StepCount,
        trainer.SkippedSteps,
        trainer.Seed,
        trainer.LossScaler.Scale,
        trainer.LossScaler.GoodSteps,
        trainer.Optimizer.GetType().Name);

    /// <exception cref="CheckpointException">A counter is missing, no number, or one that no run can have.</exception>
    public static TrainingCounters Read(SafetensorsReader reader)
    {
        string optimizer = Text(reader, OptimizerKey);
        long step = Count(reader, StepKey, MostSteps), skipped = Count(reader, SkippedKey, step), taken = Count(reader, OptimizerStepKey, MostSteps);
        if (taken < step - skipped)
            throw Wrong(reader, OptimizerStepKey, $"at least {step - skipped}: {StepKey} = {step} less {SkippedKey} = {skipped}");
        if (!int.TryParse(Text(reader, SeedKey), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int seed))
            throw Wrong(reader, SeedKey, $"an integer from {int.MinValue} to {int.MaxValue}");
        if (!float.TryParse(Text(reader, ScaleKey), NumberStyles.Float, CultureInfo.InvariantCulture, out float scale) || !LossScaler.IsScale(scale))
            throw Wrong(reader, ScaleKey, "a power of two of at least 1");
        return new TrainingCounters(step, taken, skipped, seed, scale, (int)Count(reader, GoodStepsKey, int.MaxValue), optimizer);
    }

    /// <exception cref="CheckpointException">They are of another kind of run.</exception>
    public void CheckFits(Trainer trainer, string path)
    {
        if (Optimizer != trainer.Optimizer.GetType().Name)
            throw new CheckpointException(
                $"The training checkpoint '{path}' was written with the optimizer {Optimizer}, this run uses {trainer.Optimizer.GetType().Name}.");
        if (Step > 0 && trainer.Schedule.IsOver(Step - 1))
        {
            string end = trainer.Schedule is LearningRateSchedule schedule
                ? $"ends after {schedule.TotalSteps} steps, where its rate is zero; give it more, or a final rate"
                : "is over before that step";
            throw new CheckpointException($"The training checkpoint '{path}' has '{StepKey}' = '{Step}', but this run's schedule {end}.");
        }
    }

    public IReadOnlyDictionary<string, string> ToMetadata() => new Dictionary<string, string>
    {
        [StepKey] = Step.ToString(CultureInfo.InvariantCulture),
        [SeedKey] = Seed.ToString(CultureInfo.InvariantCulture),
        [OptimizerStepKey] = OptimizerStep.ToString(CultureInfo.InvariantCulture),
        [SkippedKey] = Skipped.ToString(CultureInfo.InvariantCulture),
        [ScaleKey] = Scale.ToString("R", CultureInfo.InvariantCulture),
        [GoodStepsKey] = GoodSteps.ToString(CultureInfo.InvariantCulture),
        [OptimizerKey] = Optimizer,
    };

    public void ApplyTo(Trainer trainer)
    {
        trainer.StepNumber = Step;
        trainer.Seed = Seed;
        trainer.Optimizer.StepCount = OptimizerStep;
        trainer.SkippedSteps = Skipped;
        trainer.LossScaler.Restore(Scale, GoodSteps);
    }

    private static string Text(SafetensorsReader reader, string key) => reader.Metadata.TryGetValue(key, out string? value)
        ? value
        : throw new CheckpointException($"'{reader.Path}' is no training checkpoint: its metadata has no '{key}'.");

    private static long Count(SafetensorsReader reader, string key, long most)
        => long.TryParse(Text(reader, key), NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value <= most
            ? value
            : throw Wrong(reader, key, $"a count from 0 to {most}");

    private static CheckpointException Wrong(SafetensorsReader reader, string key, string right)
        => new($"The training checkpoint '{reader.Path}' has '{key}' = '{SafetensorsHeader.Shorten(Text(reader, key))}', but it must be {right}.");
}
