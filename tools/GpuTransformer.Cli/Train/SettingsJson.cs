using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>How settings are written: snake_case names and words, nothing unknown.</summary>
internal static class SettingsJson
{
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        IgnoreReadOnlyProperties = true,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>batch_size</summary>
    public static string Name(PropertyInfo property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);

    /// <summary>cross_attending</summary>
    public static string Name(object enumValue) => JsonNamingPolicy.SnakeCaseLower.ConvertName(enumValue.ToString()!);

    /// <summary>The settings as a configuration file would hold them.</summary>
    public static JsonNode Of(TrainingSettings settings) => JsonSerializer.SerializeToNode(settings, settings.GetType(), Options)!;

    /// <summary>Reads a configuration file.</summary>
    /// <exception cref="UsageException">It is no JSON object.</exception>
    public static JsonObject ReadObject(FileInfo file)
    {
        try
        {
            JsonElement root = JsonInput.Read(file.FullName, relaxed: true);
            return root.ValueKind == JsonValueKind.Object
                ? JsonObject.Create(root)!
                : throw new UsageException($"'{file.FullName}' is no configuration: a JSON object is needed, not a JSON {root.ValueKind}.");
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException(exception.Message);
        }
    }
}
