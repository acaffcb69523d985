using System.Text.Json;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Parses one tensor's entry in a safetensors header and checks every number in it.</summary>
internal static class SafetensorsEntryParser
{
    public static SafetensorsEntry Parse(string path, JsonProperty property, long dataStart, long dataLength)
    {
        JsonElement type = default, shape = default, offsets = default;
        string name = SafetensorsHeader.Shorten(property.Name);
        if (property.Value.ValueKind != JsonValueKind.Object)
            throw SafetensorsHeader.Bad(path, $"the entry of '{name}' is a JSON {property.Value.ValueKind}, not an object");
        foreach (JsonProperty field in property.Value.EnumerateObject())
        {
            ref JsonElement target = ref type;
            switch (field.Name)
            {
                case "dtype": break;
                case "shape": target = ref shape; break;
                case "data_offsets": target = ref offsets; break;
                default: throw SafetensorsHeader.Bad(path, $"the entry of '{name}' has the unknown field '{SafetensorsHeader.Shorten(field.Name)}'");
            }

            if (target.ValueKind != JsonValueKind.Undefined)
                throw SafetensorsHeader.Bad(path, $"the entry of '{name}' has '{SafetensorsHeader.Shorten(field.Name)}' twice");
            target = field.Value;
        }

        string typeName = ReadType(path, name, type);
        Shape storedShape = ReadShape(path, name, shape);
        (long begin, long end) = ReadOffsets(path, name, offsets, dataLength);
        if (SafetensorsTypes.Bytes(typeName, storedShape.Count) is { } needed && end - begin != needed)
            throw SafetensorsHeader.Bad(
                path, $"tensor '{name}', {typeName} {storedShape}, needs {needed} bytes, but its offsets {begin} to {end} hold {end - begin}");
        return new SafetensorsEntry(
            property.Name, SafetensorsTypes.Named(typeName), storedShape, dataStart + begin) { TypeName = typeName, Bytes = end - begin };
    }

    // A type that is not known here is no fault of the file; whoever reads the tensor is told.
    private static string ReadType(string path, string name, JsonElement element)
        => element.ValueKind == JsonValueKind.String && element.GetString() is { Length: > 0 } type
            ? type
            : throw SafetensorsHeader.Bad(
                path, $"tensor '{name}' has the dtype {Describe(element)}, but it must be a word; readable are {string.Join(", ", SafetensorsTypes.Readable)}");

    private static Shape ReadShape(string path, string name, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Array || element.GetArrayLength() > SafetensorsRules.MostAxes)
            throw SafetensorsHeader.Bad(
                path, $"tensor '{name}' has the shape {Describe(element)}; it must be a list of at most {SafetensorsRules.MostAxes} lengths");
        int[] lengths = new int[element.GetArrayLength()];
        for (int axis = 0; axis < lengths.Length; axis++)
        {
            if (element[axis].ValueKind != JsonValueKind.Number || !element[axis].TryGetInt32(out lengths[axis]) || lengths[axis] < 0)
                throw SafetensorsHeader.Bad(
                    path, $"tensor '{name}' has the length {Describe(element[axis])} on axis {axis}; lengths are integers from 0 to {int.MaxValue}");
        }

        if (SafetensorsRules.Elements(lengths) is null)
            throw SafetensorsHeader.Bad(path, $"tensor '{name}' has the shape {Describe(element)}, more elements than any file can hold");
        return new Shape(lengths);
    }

    private static (long Begin, long End) ReadOffsets(string path, string name, JsonElement element, long dataLength)
    {
        long begin = 0, end = 0;
        if (element.ValueKind != JsonValueKind.Array || element.GetArrayLength() != 2
            || element[0].ValueKind != JsonValueKind.Number || !element[0].TryGetInt64(out begin)
            || element[1].ValueKind != JsonValueKind.Number || !element[1].TryGetInt64(out end))
            throw SafetensorsHeader.Bad(path, $"tensor '{name}' has the data_offsets {Describe(element)}; they must be two integers, begin and end");
        if (begin < 0 || end < begin || end > dataLength)
            throw SafetensorsHeader.Bad(
                path, $"tensor '{name}' claims the bytes {begin} to {end}, but the file holds {dataLength} bytes of data; it is truncated or damaged");
        return (begin, end);
    }

    private static string Describe(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Undefined)
            return "(missing)";
        return SafetensorsHeader.Shorten(element.GetRawText());
    }
}
