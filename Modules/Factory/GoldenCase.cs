using System.Text.Json;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// One case of a folder of golden vectors: a module's description and a call of it (<c>manifest.json</c>), and the tensors (<c>&lt;file&gt;</c>): parameters
/// under <c>param.…</c>, inputs under <c>input.…</c>, results under <c>output</c> (float32) and <c>output_f64</c>.
/// </summary>
public static class GoldenCase
{
    private const string InputPrefix = "input.";

    private static readonly string[] s_bareAttentionInputs = ["q", "k", "v", "mask", "bias"];

    /// <summary>Builds the case's module, loads its parameters, calls it.</summary>
    /// <returns>The output, for the caller to compare with <c>output_f64</c>.</returns>
    /// <exception cref="UnsupportedOptionException">The case needs what this library does not offer.</exception>
    /// <exception cref="CheckpointException">The case's file does not fit its module.</exception>
    public static Tensor Run(JsonElement description, SafetensorsReader tensors, ComputeDevice device)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        using Module module = ModuleFactory.Create(description, device);
        module.LoadStateDict(tensors, "param.");
        var inputs = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (string name in InputNames(description, tensors))
            inputs.Add(name, tensors.ReadTensor(InputPrefix + name, device));
        description.TryGetProperty("call_kwargs", out JsonElement constants);
        return module.Invoke(new CallArguments(inputs, constants));
    }

    /// <summary>The inputs that the call is given: its positional and its named ones.</summary>
    private static List<string> InputNames(JsonElement description, SafetensorsReader tensors)
    {
        if (description.TryGetProperty("method", out JsonElement method) && method.GetString() is { } called && called != "forward")
            throw new UnsupportedOptionException(called, $"The method {called} of x-transformers is not supported.");

        // The cases of the bare attention function list their inputs only as tensors.
        if (!description.TryGetProperty("args", out JsonElement args))
            return [.. s_bareAttentionInputs.Where(name => tensors.Contains(InputPrefix + name))];
        var names = new List<string>();
        foreach (JsonElement name in args.EnumerateArray())
            names.Add(name.GetString()!);
        foreach (JsonElement name in description.GetProperty("tensor_kwargs").EnumerateArray())
            names.Add(name.GetString()!);
        foreach (string name in names)
        {
            // mems.0, mems.1 form a list; embed_ids.typ a dictionary: arguments of classes that are not offered.
            if (!tensors.Contains(InputPrefix + name))
                throw new UnsupportedOptionException(name, $"The argument {name} is a list or a dictionary of tensors, which no class here takes.");
        }

        return names;
    }
}
