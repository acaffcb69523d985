using System.CommandLine;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Commands;

/// <summary>
/// Models and inputs as files. A golden file serves as checkpoint and as input: its <c>param.</c> and <c>input.</c> tensors are found by their prefix.
/// </summary>
internal static class ModelFiles
{
    /// <summary>The option that says what the keys of a checkpoint begin with.</summary>
    public static Option<string?> Prefix() => new("--prefix")
    {
        Description = "what the model's keys begin with in the checkpoint, as attn_layers. or model. (keys without it are left alone)",
        HelpName = "TEXT",
    };

    private const string ParameterPrefix = "param.", InputPrefix = "input.";

    /// <summary>Builds the model that a config describes: <c>{"class": "Encoder", "kwargs": {"dim": 256, …}}</c>.</summary>
    public static Module Create(FileInfo config, ComputeDevice device, DType dtype = DType.Float32)
    {
        try
        {
            return ModuleFactory.Create(JsonInput.Read(config.FullName), device, seed: 0, dtype);
        }
        catch (Exception exception) when (exception is ArgumentException or UnsupportedOptionException or InsufficientMemoryException)
        {
            throw new UsageException($"'{config.FullName}': {exception.Message}");
        }
    }

    /// <summary>Loads a checkpoint, strictly.</summary>
    /// <param name="model">What is loaded.</param>
    /// <param name="checkpoint">The file.</param>
    /// <param name="prefix">What its keys begin with; null for nothing or, in a golden file, <c>param.</c></param>
    public static void Load(Module model, FileInfo checkpoint, string? prefix)
    {
        using SafetensorsReader reader = SafetensorsReader.Open(checkpoint.FullName);
        bool isGolden = reader.Entries.Any(static e => e.Name.StartsWith(ParameterPrefix, StringComparison.Ordinal));
        model.LoadStateDict(reader, prefix ?? (isGolden ? ParameterPrefix : string.Empty));
    }

    /// <summary>
    /// Reads the inputs of one call: <c>x</c>, <c>context</c>, <c>mask</c>, <c>context_mask</c> and so on, with or without the prefix <c>input.</c>.
    /// </summary>
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
