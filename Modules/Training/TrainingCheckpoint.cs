using System.Globalization;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// A training run in one safetensors file: <c>model.*</c>, <c>optimizer.*</c>, <c>average.*</c>, and the counters as metadata. Written to a temporary file, flushed and renamed, so a run
/// killed at any moment finds the last complete one.
/// </summary>
internal static class TrainingCheckpoint
{
    private const string Step = "step", Seed = "seed", OptimizerStep = "optimizer_step", Skipped = "skipped_steps", Scale = "loss_scale", GoodSteps = "loss_scale_good_steps", Kind = "optimizer";

    public static void Save(Trainer trainer, string path) => SafetensorsWriter.Write(path, Tensors(trainer), new Dictionary<string, string>
    {
        [Step] = Text(trainer.StepNumber),
        [Seed] = Text(trainer.Seed),
        [OptimizerStep] = Text(trainer.Optimizer.StepCount),
        [Skipped] = Text(trainer.SkippedSteps),
        [Scale] = trainer.LossScaler.Scale.ToString("R", CultureInfo.InvariantCulture),
        [GoodSteps] = Text(trainer.LossScaler.GoodSteps),
        [Kind] = trainer.Optimizer.GetType().Name,
    });

    public static void Load(Trainer trainer, string path)
    {
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        if (Read(reader, Kind) != trainer.Optimizer.GetType().Name)
            throw new CheckpointException($"The training checkpoint '{path}' was written with the optimizer {Read(reader, Kind)}, this run uses {trainer.Optimizer.GetType().Name}.");
        (long step, long optimizerStep, long skipped) = (Number(reader, Step), Number(reader, OptimizerStep), Number(reader, Skipped));
        if (!int.TryParse(Read(reader, Seed), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int seed))
            throw new CheckpointException($"The training checkpoint '{reader.Path}' has '{Seed}' = '{Read(reader, Seed)}', which is no seed.");
        float scale = float.Parse(Read(reader, Scale), CultureInfo.InvariantCulture);
        int good = checked((int)Number(reader, GoodSteps));

        (string Name, Tensor Value)[] tensors = [.. Tensors(trainer)];
        StateDict.Load(tensors, reader, string.Empty);
        trainer.StepNumber = step;
        trainer.Seed = seed;
        trainer.Optimizer.StepCount = optimizerStep;
        trainer.SkippedSteps = skipped;
        trainer.LossScaler.Scale = scale;
        trainer.LossScaler.GoodSteps = good;
    }

    private static IEnumerable<(string Name, Tensor Value)> Tensors(Trainer trainer)
    {
        foreach ((string name, Tensor value) in trainer.Model.NamedParameters())
            yield return ($"model.{name}", value);
        foreach ((string name, Tensor value) in trainer.Optimizer.State)
            yield return ($"optimizer.{name}", value);
        foreach ((string name, Tensor value) in trainer.Average?.NamedAverages() ?? [])
            yield return ($"average.{name}", value);
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Read(SafetensorsReader reader, string key) => reader.Metadata.TryGetValue(key, out string? value)
        ? value
        : throw new CheckpointException($"'{reader.Path}' is no training checkpoint: its metadata has no '{key}'.");

    private static long Number(SafetensorsReader reader, string key) => long.TryParse(Read(reader, key), NumberStyles.Integer, CultureInfo.InvariantCulture, out long value) && value >= 0
        ? value
        : throw new CheckpointException($"The training checkpoint '{reader.Path}' has '{key}' = '{Read(reader, key)}', which is no count.");
}
