using System.Text.Json;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// The JSON at the head of a safetensors file, read and written. Everything a file claims is checked against the file's own length, so that no claim can make
/// the reader allocate or read more than the file holds; and nothing is written that would not be read.
/// </summary>
/// <remarks>Format: https://github.com/huggingface/safetensors, which also demands that the tensors cover the data without holes.</remarks>
internal static partial class SafetensorsHeader
{
    public static List<SafetensorsEntry> Parse(string path, ReadOnlyMemory<byte> json, long dataStart, long dataLength, Dictionary<string, string> metadata)
    {
        var entries = new List<SafetensorsEntry>();
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8 });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw Bad(path, $"the header is a JSON {document.RootElement.ValueKind}, not an object");
            var names = new HashSet<string>(StringComparer.Ordinal);
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (!names.Add(property.Name))
                    throw Bad(path, $"the key '{Shorten(property.Name)}' occurs twice");
                if (property.Name == SafetensorsRules.MetadataKey)
                    ReadMetadata(path, property.Value, metadata);
                else
                    entries.Add(SafetensorsEntryParser.Parse(path, property, dataStart, dataLength));
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The parser defers the check of a string's encoding until it is read, and then throws the second kind.
            throw new CheckpointException($"'{path}' is no usable safetensors file: its header is not valid JSON in UTF-8 ({exception.Message}).", exception);
        }

        CheckCoverage(path, entries, dataStart, dataLength);
        return entries;
    }

    public static CheckpointException Bad(string path, string what) => new($"'{path}' is no usable safetensors file: {what}.");

    /// <summary>A text out of a file as a message can hold it.</summary>
    public static string Shorten(string text) => text.Length <= 80 ? text : text[..80] + "…";

    private static void ReadMetadata(string path, JsonElement element, Dictionary<string, string> metadata)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw Bad(path, $"'{SafetensorsRules.MetadataKey}' is a JSON {element.ValueKind}, not an object of strings");
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
                throw Bad(path, $"'{SafetensorsRules.MetadataKey}.{Shorten(property.Name)}' is a JSON {property.Value.ValueKind}, not a string");
            if (!metadata.TryAdd(property.Name, property.Value.GetString()!))
                throw Bad(path, $"'{SafetensorsRules.MetadataKey}' has the key '{Shorten(property.Name)}' twice");
        }
    }

    private static void CheckCoverage(string path, List<SafetensorsEntry> entries, long dataStart, long dataLength)
    {
        long position = dataStart;
        string previous = "the header";
        foreach (SafetensorsEntry entry in entries.OrderBy(static e => e.FileOffset).ThenBy(static e => e.Bytes))
        {
            if (entry.FileOffset < position)
                throw Bad(path, $"tensor '{Shorten(entry.Name)}' overlaps {previous} by {position - entry.FileOffset} bytes");
            if (entry.FileOffset > position)
                throw Bad(path, $"there are {entry.FileOffset - position} unclaimed bytes between {previous} and tensor '{Shorten(entry.Name)}'");
            position += entry.Bytes;
            previous = $"tensor '{Shorten(entry.Name)}'";
        }

        if (position != dataStart + dataLength)
            throw Bad(path, $"there are {dataStart + dataLength - position} unclaimed bytes after {previous}");
    }
}
