using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace GpuTransformer.Cli.Train.Pictures;

/// <summary>
/// PNG (W3C, third edition) as far as these programs need it: writing 8-bit RGB, and checking a file that is read. The runtime brings the compression; what is
/// left is smaller than a dependency.
/// </summary>
internal static class PngFile
{
    private static readonly byte[] s_signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
    private static readonly uint[] s_crcTable = CreateCrcTable();

    /// <summary>Writes an image.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="width">Pixels per row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="rgb">[height, width, 3]</param>
    public static void Write(Stream stream, int width, int height, ReadOnlySpan<byte> rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rgb.Length, width * height * 3);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        (header[8], header[9]) = (8, 2); // bits, RGB; then deflate, adaptive filters, not interlaced: all 0
        using var packed = new MemoryStream();
        using (var deflate = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (int row = 0; row < height; row++)
            {
                deflate.WriteByte(0); // filter: none
                deflate.Write(rgb.Slice(row * width * 3, width * 3));
            }
        }

        stream.Write(s_signature);
        WriteChunk(stream, "IHDR", header);
        WriteChunk(stream, "IDAT", packed.ToArray());
        WriteChunk(stream, "IEND", []);
    }

    /// <summary>Whether a file begins as a PNG does.</summary>
    public static bool HasSignature(ReadOnlySpan<byte> file) => file.StartsWith(s_signature);

    /// <summary>What is wrong with the chunks of a file, or null: decoders are lenient and would make noise of a damaged one.</summary>
    public static string? FindDamage(ReadOnlySpan<byte> file)
    {
        int at = s_signature.Length;
        while (at + 12 <= file.Length)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            string type = Encoding.Latin1.GetString(file.Slice(at + 4, 4));
            if (length > file.Length - at - 12)
                return $"chunk {type} at byte {at} says it has {length} bytes, but the file ends after {file.Length - at - 12} of them";
            ReadOnlySpan<byte> checkedPart = file.Slice(at + 4, (int)length + 4);
            if (Crc(checkedPart) != BinaryPrimitives.ReadUInt32BigEndian(file[(at + 8 + (int)length)..]))
                return $"the checksum of chunk {type} at byte {at} does not fit its contents";
            if (type == "IEND")
                return null;
            at += 12 + (int)length;
        }

        return "the file ends before its last chunk (IEND)";
    }

    private static void WriteChunk(Stream stream, string type, ReadOnlySpan<byte> data)
    {
        var chunk = new byte[12 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        Encoding.ASCII.GetBytes(type, chunk.AsSpan(4));
        data.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Crc(chunk.AsSpan(4, 4 + data.Length)));
        stream.Write(chunk);
    }

    private static uint Crc(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
            crc = s_crcTable[(byte)(crc ^ b)] ^ (crc >> 8);
        return ~crc;
    }

    // The polynomial of ISO 3309, as PNG's annex gives it.
    private static uint[] CreateCrcTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint c = i;
            for (int bit = 0; bit < 8; bit++)
                c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
            table[i] = c;
        }

        return table;
    }
}
