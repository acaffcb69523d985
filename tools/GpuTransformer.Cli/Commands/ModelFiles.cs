using System.Text.Json;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Commands;

/// <summary>Models and inputs as files. A golden file serves as checkpoint and as input: its <c>param.</c> and <c>input.</c> tensors are found by their prefix.</summary>
internal static class ModelFiles
{
    private const string ParameterPrefix = "param.", InputPrefix = "input.";

    /// <summary>Builds the model that a config describes: <c>{"class": "Encoder", "kwargs": {"dim": 256, …}}</c>.</summary>
    public static Module Create(FileInfo config, ComputeDevice device, DType dtype = DType.Float32)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(config.FullName));
            return ModuleFactory.Create(document.RootElement.Clone(), device, seed: 0, dtype);
        }
        catch (JsonException exception)
        {
            throw new UsageException($"'{config.FullName}' is not valid JSON: {exception.Message}");
        }
        catch (ArgumentException exception)
        {
            throw new UsageException($"'{config.FullName}': {exception.Message}");
        }
    }

    /// <summary>Loads a checkpoint, strictly.</summary>
    public static void Load(Module model, FileInfo checkpoint)
    {
        using SafetensorsReader reader = SafetensorsReader.Open(checkpoint.FullName);
        bool isGolden = reader.Entries.Any(static e => e.Name.StartsWith(ParameterPrefix, StringComparison.Ordinal));
        model.LoadStateDict(reader, isGolden ? ParameterPrefix : string.Empty);
    }

    /// <summary>Reads the inputs of one call: <c>x</c>, <c>context</c>, <c>mask</c>, <c>context_mask</c> and so on, with or without the prefix <c>input.</c>.</summary>
    public static Dictionary<string, Tensor> ReadInputs(SafetensorsReader reader, ComputeDevice device)
    {
        var inputs = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        bool isGolden = reader.Entries.Any(static e => e.Name.StartsWith(InputPrefix, StringComparison.Ordinal));
        foreach (SafetensorsEntry entry in reader.Entries)
        {
            if (!isGolden)
                inputs.Add(entry.Name, reader.ReadTensor(entry.Name, device));
            else if (entry.Name.StartsWith(InputPrefix, StringComparison.Ordinal))
                inputs.Add(entry.Name[InputPrefix.Length..], reader.ReadTensor(entry.Name, device));
        }

        return inputs;
    }
}
