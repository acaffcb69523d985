using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// A training run in one safetensors file: <c>model.*</c>, <c>optimizer.*</c>, <c>average.*</c>, and the counters as metadata. Written to a temporary file,
/// flushed and renamed, so a run killed at any moment finds the last complete one. Reading is all or nothing: file, counters and numbers are checked before the
/// run changes.
/// </summary>
internal static class TrainingCheckpoint
{
    /// <exception cref="CheckpointException">What is trained is not finite any more; what was at <paramref name="path"/> stays.</exception>
    public static void Save(Trainer trainer, string path)
    {
        HashSet<Tensor> trained = Trained(trainer);
        SafetensorsWriter.Write(path, Tensors(trainer), TrainingCounters.Of(trainer).ToMetadata(), (name, value, numbers) =>
        {
            if (trained.Contains(value) && NotUsable(trainer, name, numbers) is { } what)
                throw new CheckpointException($"The training checkpoint '{path}' was not written: {what}. An earlier one there is as it was.");
        });
    }

    public static void Load(Trainer trainer, string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        Load(trainer, reader);
    }

    internal static void Load(Trainer trainer, SafetensorsReader reader)
    {
        TrainingCounters counters = TrainingCounters.Read(reader);
        counters.CheckFits(trainer, reader.Path);
        (string Name, Tensor Value)[] tensors = [.. Tensors(trainer)];
        HashSet<Tensor> trained = Trained(trainer);
        HashSet<string> names = [.. tensors.Where(t => trained.Contains(t.Value)).Select(static t => t.Name)];
        StateDict.Load(tensors, reader, string.Empty, (name, numbers) =>
        {
            if (names.Contains(name) && NotUsable(trainer, name, numbers) is { } what)
                throw new CheckpointException($"The training checkpoint '{reader.Path}' cannot be resumed: {what}. Nothing was changed.");
        });
        counters.ApplyTo(trainer);
    }

    private static IEnumerable<(string Name, Tensor Value)> Tensors(Trainer trainer)
    {
        foreach ((string name, Tensor value) in trainer.Model.NamedParameters().Concat(trainer.Model.NamedBuffers()))
            yield return ($"model.{name}", value);
        foreach ((string name, Tensor value) in trainer.Optimizer.State)
            yield return ($"optimizer.{name}", value);
        foreach ((string name, Tensor value) in trainer.Average?.NamedAverages() ?? [])
            yield return ($"average.{name}", value);
    }

    // What does not learn may hold anything: an infinity that hides something, say.
    private static HashSet<Tensor> Trained(Trainer trainer) => new(
        [.. trainer.Optimizer.Parameters.Select(static p => p.Value), .. trainer.Optimizer.State.Select(static s => s.Value),
            .. trainer.Average?.NamedAverages().Select(static a => a.Value) ?? []],
        ReferenceEqualityComparer.Instance);

    // A number that is not finite spreads over all of them within a step.
    private static string? NotUsable(Trainer trainer, string name, ReadOnlySpan<float> numbers)
    {
        bool isSquare = trainer.Optimizer is AdamW && name.StartsWith("optimizer.second.", StringComparison.Ordinal);
        for (int i = 0; i < numbers.Length; i++)
        {
            if (!float.IsFinite(numbers[i]))
                return $"element {i} of '{name}' is {numbers[i]}, but what is trained must be finite";
            if (isSquare && numbers[i] < 0)
                return $"element {i} of '{name}' is {numbers[i]}, but a mean of squares is not negative";
        }

        return null;
    }
}
