using System.Text.Json;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Parses the JSON at the head of a safetensors file. Everything the file claims is checked against the file's own length, so that no claim can make the
/// reader allocate or read more than the file holds.
/// </summary>
/// <remarks>Format: https://github.com/huggingface/safetensors, which also demands that the tensors cover the data without holes.</remarks>
internal static class SafetensorsHeader
{
    private const string MetadataKey = "__metadata__";

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
                    throw Bad(path, $"the key '{property.Name}' occurs twice");
                if (property.Name == MetadataKey)
                    ReadMetadata(path, property.Value, metadata);
                else
                    entries.Add(ReadEntry(path, property, dataStart, dataLength));
            }
        }
        catch (JsonException exception)
        {
            throw new CheckpointException($"'{path}' is no usable safetensors file: its header is not valid JSON ({exception.Message}).", exception);
        }

        CheckCoverage(path, entries, dataStart, dataLength);
        return entries;
    }

    public static CheckpointException Bad(string path, string what) => new($"'{path}' is no usable safetensors file: {what}.");

    private static void ReadMetadata(string path, JsonElement element, Dictionary<string, string> metadata)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw Bad(path, $"'{MetadataKey}' is a JSON {element.ValueKind}, not an object of strings");
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
                throw Bad(path, $"'{MetadataKey}.{property.Name}' is a JSON {property.Value.ValueKind}, not a string");
            metadata[property.Name] = property.Value.GetString()!;
        }
    }

    private static SafetensorsEntry ReadEntry(string path, JsonProperty property, long dataStart, long dataLength)
    {
        JsonElement type = default, shape = default, offsets = default;
        string name = property.Name;
        if (property.Value.ValueKind != JsonValueKind.Object)
            throw Bad(path, $"the entry of '{name}' is a JSON {property.Value.ValueKind}, not an object");
        foreach (JsonProperty field in property.Value.EnumerateObject())
        {
            ref JsonElement target = ref type;
            switch (field.Name)
            {
                case "dtype": break;
                case "shape": target = ref shape; break;
                case "data_offsets": target = ref offsets; break;
                default: throw Bad(path, $"the entry of '{name}' has the unknown field '{field.Name}'");
            }

            if (target.ValueKind != JsonValueKind.Undefined)
                throw Bad(path, $"the entry of '{name}' has '{field.Name}' twice");
            target = field.Value;
        }

        SafetensorsType storedType = ReadType(path, name, type);
        Shape storedShape = ReadShape(path, name, shape);
        (long begin, long end) = ReadOffsets(path, name, offsets, dataLength);
        var entry = new SafetensorsEntry(name, storedType, storedShape, dataStart + begin);
        if (end - begin != entry.Bytes)
            throw Bad(path, $"tensor '{name}', {storedType} {storedShape}, needs {entry.Bytes} bytes, but its offsets {begin} to {end} hold {end - begin}");
        return entry;
    }

    private static SafetensorsType ReadType(string path, string name, JsonElement element)
    {
        string? text = element.ValueKind == JsonValueKind.String ? element.GetString() : null;
        foreach (SafetensorsType type in Enum.GetValues<SafetensorsType>())
        {
            if (type.ToString() == text)
                return type;
        }

        throw Bad(path, $"tensor '{name}' has the dtype {Describe(element)}; readable are {string.Join(", ", Enum.GetNames<SafetensorsType>())}");
    }

    private static Shape ReadShape(string path, string name, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Array || element.GetArrayLength() > 16)
            throw Bad(path, $"tensor '{name}' has the shape {Describe(element)}; it must be a list of at most 16 lengths");
        int[] lengths = new int[element.GetArrayLength()];
        Int128 count = 1;
        for (int axis = 0; axis < lengths.Length; axis++)
        {
            if (element[axis].ValueKind != JsonValueKind.Number || !element[axis].TryGetInt32(out lengths[axis]) || lengths[axis] < 0)
                throw Bad(path, $"tensor '{name}' has the length {Describe(element[axis])} on axis {axis}; lengths are integers from 0 to {int.MaxValue}");
            count *= lengths[axis];
            if (count > 1L << 58)
                throw Bad(path, $"tensor '{name}' has the shape {Describe(element)}, more elements than any file can hold");
        }

        return new Shape(lengths);
    }

    private static (long Begin, long End) ReadOffsets(string path, string name, JsonElement element, long dataLength)
    {
        long begin = 0, end = 0;
        if (element.ValueKind != JsonValueKind.Array || element.GetArrayLength() != 2
            || element[0].ValueKind != JsonValueKind.Number || !element[0].TryGetInt64(out begin)
            || element[1].ValueKind != JsonValueKind.Number || !element[1].TryGetInt64(out end))
            throw Bad(path, $"tensor '{name}' has the data_offsets {Describe(element)}; they must be two integers, begin and end");
        if (begin < 0 || end < begin || end > dataLength)
            throw Bad(path, $"tensor '{name}' claims the bytes {begin} to {end}, but the file holds {dataLength} bytes of data; it is truncated or damaged");
        return (begin, end);
    }

    private static void CheckCoverage(string path, List<SafetensorsEntry> entries, long dataStart, long dataLength)
    {
        long position = dataStart;
        string previous = "the header";
        foreach (SafetensorsEntry entry in entries.OrderBy(static e => e.FileOffset).ThenBy(static e => e.Bytes))
        {
            if (entry.FileOffset < position)
                throw Bad(path, $"tensor '{entry.Name}' overlaps {previous} by {position - entry.FileOffset} bytes");
            if (entry.FileOffset > position)
                throw Bad(path, $"there are {entry.FileOffset - position} unclaimed bytes between {previous} and tensor '{entry.Name}'");
            position += entry.Bytes;
            previous = $"tensor '{entry.Name}'";
        }

        if (position != dataStart + dataLength)
            throw Bad(path, $"there are {dataStart + dataLength - position} unclaimed bytes after {previous}");
    }

    private static string Describe(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Undefined)
            return "(missing)";
        string text = element.GetRawText();
        return text.Length <= 80 ? text : text[..80] + "…";
    }
}
