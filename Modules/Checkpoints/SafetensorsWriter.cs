using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Writes safetensors files: atomically, tensors in the order given, each stored as its own data type.</summary>
public static class SafetensorsWriter
{
    /// <summary>Writes the tensors to <paramref name="path"/>, replacing what is there. PyTorch reads the file with <c>safetensors.torch.load_file</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Names and tensors.</param>
    /// <param name="metadata">What <c>__metadata__</c> shall hold.</param>
    /// <exception cref="ArgumentException">Two tensors have the same name.</exception>
    public static void Write(string path, IEnumerable<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        (string Name, Tensor Value)[] all = [.. tensors];
        byte[] header = Header(all, metadata);
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach ((_, Tensor value) in all)
                WriteElements(stream, value);
        });
    }

    private static byte[] Header((string Name, Tensor Value)[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }

            WriteEntries(json, tensors);
            json.WriteEndObject();
        }

        // Spaces up to a multiple of eight, so that the data is aligned for those who map the file.
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    private static void WriteEntries(Utf8JsonWriter json, (string Name, Tensor Value)[] tensors)
    {
        long offset = 0;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach ((string name, Tensor value) in tensors)
        {
            if (!names.Add(name) || name == "__metadata__")
                throw new ArgumentException($"The name '{name}' is taken; every tensor of a file has its own.", nameof(tensors));
            SafetensorsType type = value.DType.ToSafetensors();
            long end = offset + value.Shape.Count * type.SizeInBytes();
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

    private static void WriteElements(Stream stream, Tensor tensor)
    {
        switch (tensor.DType)
        {
            case DType.Float32:
                stream.Write(MemoryMarshal.AsBytes<float>(tensor.ToArray()));
                break;
            case DType.Float16:
                // Exact: every element came from a float16.
                stream.Write(MemoryMarshal.AsBytes<Half>(Array.ConvertAll(tensor.ToArray(), static v => (Half)v)));
                break;
            case DType.BFloat16:
                stream.Write(MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(tensor.ToArray(), static v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))));
                break;
            case DType.Int32:
                stream.Write(MemoryMarshal.AsBytes<int>(Array.ConvertAll(tensor.ToInt64Array(), static v => (int)v)));
                break;
            case DType.Int64:
                stream.Write(MemoryMarshal.AsBytes<long>(tensor.ToInt64Array()));
                break;
            default:
                stream.Write(MemoryMarshal.AsBytes<bool>(tensor.ToBoolArray()));
                break;
        }
    }
}
