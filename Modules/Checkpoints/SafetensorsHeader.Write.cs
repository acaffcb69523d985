using System.Text.Json;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

internal static partial class SafetensorsHeader
{
    /// <summary>The header of a file with these tensors in this order, padded with spaces to a multiple of eight bytes.</summary>
    /// <exception cref="ArgumentException">The reader would refuse it.</exception>
    public static byte[] Write((string Name, Tensor Value)[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
                WriteMetadata(json, metadata);
            WriteEntries(json, tensors);
            json.WriteEndObject();
        }

        // Spaces, so that the data is aligned for those who map the file.
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        if (buffer.Length > SafetensorsRules.LargestHeader)
            throw new ArgumentException(
                $"The names, shapes and metadata of {tensors.Length} tensors take {buffer.Length} bytes; the format allows {SafetensorsRules.LargestHeader}.",
                nameof(tensors));
        return buffer.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        json.WriteStartObject(SafetensorsRules.MetadataKey);
        foreach ((string key, string? value) in metadata)
        {
            if (!SafetensorsRules.IsText(key))
                throw new ArgumentException($"The metadata's key '{Shorten(key)}' has half a surrogate pair, which no file can hold.", nameof(metadata));
            if (!keys.Add(key))
                throw new ArgumentException($"The metadata has the key '{Shorten(key)}' twice.", nameof(metadata));
            if (value is null || !SafetensorsRules.IsText(value))
                throw new ArgumentException(
                    $"The metadata's '{Shorten(key)}' is {(value is null ? "null" : "a text with half a surrogate pair")}; it must be text.", nameof(metadata));
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }

    private static void WriteEntries(Utf8JsonWriter json, (string Name, Tensor Value)[] tensors)
    {
        long offset = 0;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach ((string name, Tensor value) in tensors)
        {
            if (Problem(name, value, names) is { } problem)
                throw new ArgumentException(problem, nameof(tensors));
            ObjectDisposedException.ThrowIf(value.IsDisposed, value);
            SafetensorsType type = value.DType.ToSafetensors();
            long end = checked(offset + value.Shape.Count * type.SizeInBytes());
            json.WriteStartObject(name);
            json.WriteString("dtype", type.ToString());
            json.WriteStartArray("shape");
            foreach (int axis in value.Shape)
                json.WriteNumberValue(axis);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(offset);
            json.WriteNumberValue(end);
            json.WriteEndArray();
            json.WriteEndObject();
            offset = end;
        }
    }

    private static string? Problem(string name, Tensor value, HashSet<string> names)
    {
        if (string.IsNullOrEmpty(name))
            return "A tensor has no name; every tensor of a file has its own.";
        if (name == SafetensorsRules.MetadataKey)
            return $"The name '{name}' is taken by the format for what is no tensor.";
        if (!SafetensorsRules.IsText(name))
            return $"The name '{Shorten(name)}' has half a surrogate pair, which no file can hold.";
        if (!names.Add(name))
            return $"The name '{Shorten(name)}' is taken; every tensor of a file has its own.";
        if (value is null)
            return $"The tensor '{Shorten(name)}' is null.";
        return value.Shape.Rank > SafetensorsRules.MostAxes
            ? $"The tensor '{Shorten(name)}' has the shape {value.Shape}; a file's tensors have at most {SafetensorsRules.MostAxes} axes."
            : null;
    }
}
