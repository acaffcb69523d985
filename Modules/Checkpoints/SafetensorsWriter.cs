using System.Buffers.Binary;
using System.Runtime.InteropServices;
using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>Writes safetensors files: atomically, tensors in the order given, each stored as its own data type.</summary>
public static class SafetensorsWriter
{
    private const int PieceElements = 1 << 20;

    /// <summary>
    /// Writes the tensors to <paramref name="path"/>, replacing what is there. PyTorch reads the file with <c>safetensors.torch.load_file</c>.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Names and tensors; each name is text of its own, each tensor has at most 16 axes.</param>
    /// <param name="metadata">What <c>__metadata__</c> shall hold: text by text.</param>
    /// <exception cref="ArgumentException">
    /// A name is empty, taken, reserved or no valid text; a tensor has too many axes; a text of the metadata is null or not valid; the names together exceed
    /// the format's 100 MB. Nothing was written.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written; what was there before is as it was.</exception>
    public static void Write(string path, IEnumerable<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
        => Write(path, tensors, metadata, null);

    /// <param name="path">The file.</param>
    /// <param name="tensors">Names and tensors.</param>
    /// <param name="metadata">What <c>__metadata__</c> shall hold.</param>
    /// <param name="check">Given each float32 tensor with its numbers just before it is written; what it throws leaves the file as it was.</param>
    internal static void Write(
        string path,
        IEnumerable<(string Name, Tensor Value)> tensors,
        IReadOnlyDictionary<string, string>? metadata,
        Action<string, Tensor, ReadOnlySpan<float>>? check)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        (string Name, Tensor Value)[] all = [.. tensors];
        byte[] header = SafetensorsHeader.Write(all, metadata);
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach ((string name, Tensor value) in all)
                WriteElements(stream, value, numbers => check?.Invoke(name, value, numbers));
        });
    }

    private static void WriteElements(Stream stream, Tensor tensor, Action<float[]> check)
    {
        switch (tensor.DType)
        {
            case DType.Float32:
                float[] numbers = tensor.ToArray();
                check(numbers);
                Write<float, float>(stream, numbers, static v => v);
                break;
            case DType.Float16:
                // Exact: every element came from a float16.
                Write(stream, tensor.ToArray(), static v => (Half)v);
                break;
            case DType.BFloat16:
                Write(stream, tensor.ToArray(), static v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16));
                break;
            case DType.Int32:
                Write(stream, tensor.ToInt64Array(), static v => (int)v);
                break;
            case DType.Int64:
                Write(stream, tensor.ToInt64Array(), static v => v);
                break;
            default:
                Write(stream, tensor.ToBoolArray(), static v => v);
                break;
        }
    }

    // Piece by piece: a conversion needs no second copy of a whole tensor, and a tensor may have more bytes than a span can.
    private static void Write<T, TStored>(Stream stream, T[] values, Converter<T, TStored> convert)
        where TStored : unmanaged
    {
        var piece = new TStored[Math.Min(values.Length, PieceElements)];
        for (int start = 0; start < values.Length; start += piece.Length)
        {
            int count = Math.Min(piece.Length, values.Length - start);
            for (int i = 0; i < count; i++)
                piece[i] = convert(values[start + i]);
            stream.Write(MemoryMarshal.AsBytes(piece.AsSpan(0, count)));
        }
    }
}
