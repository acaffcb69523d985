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
    /// <summary>Bytes up to the end of the header chunk's contents.</summary>
    public const int HeaderEnd = 29;

    // Texts and profiles; decoders keep them, some unpacked.
    private const long MaxMetadataBytes = 1 << 20;

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

    /// <summary>The size and the channels of a file: 1 for grey, 3 for colour, transparency not counted. Null if it is too short to say.</summary>
    public static (int Width, int Height, int Channels)? ReadHeader(ReadOnlySpan<byte> file)
    {
        if (file.Length < HeaderEnd)
            return null;
        const int Colour = 2;
        return (BinaryPrimitives.ReadInt32BigEndian(file[16..]), BinaryPrimitives.ReadInt32BigEndian(file[20..]), (file[25] & Colour) == 0 ? 1 : 3);
    }

    /// <summary>What is wrong with the chunks of a file, or null: decoders are lenient and would make noise of a damaged one.</summary>
    /// <param name="file">The file, at any place.</param>
    public static string? FindDamage(Stream file)
    {
        long at = file.Position = s_signature.Length, metadata = 0;
        var buffer = new byte[1 << 16];
        while (at + 12 <= file.Length)
        {
            file.ReadExactly(buffer, 0, 8);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(buffer);
            string type = Encoding.Latin1.GetString(buffer, 4, 4);
            if (at == s_signature.Length && type != "IHDR")
                return $"its first chunk is {type}, where IHDR is due";
            if (length > file.Length - at - 12)
                return $"chunk {type} at byte {at} says it has {length} bytes, but the file ends after {file.Length - at - 12} of them";
            metadata += type is "IDAT" ? 0 : length;
            if (metadata > MaxMetadataBytes)
                return $"it holds more than {MaxMetadataBytes} bytes that are no picture";
            uint crc = Crc(uint.MaxValue, buffer.AsSpan(4, 4));
            for (long left = length; left > 0;)
            {
                int read = file.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
                if (read == 0)
                    return $"the file ends within chunk {type} at byte {at}";
                crc = Crc(crc, buffer.AsSpan(0, read));
                left -= read;
            }

            file.ReadExactly(buffer, 0, 4);
            if (~crc != BinaryPrimitives.ReadUInt32BigEndian(buffer))
                return $"the checksum of chunk {type} at byte {at} does not fit its contents";
            if (type == "IEND")
                return null;
            at += 12 + length;
        }

        return "the file ends before its last chunk (IEND)";
    }

    /// <summary>Writes a chunk with its checksum.</summary>
    public static void WriteChunk(Stream stream, string type, ReadOnlySpan<byte> data)
    {
        var chunk = new byte[12 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        Encoding.ASCII.GetBytes(type, chunk.AsSpan(4));
        data.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), ~Crc(uint.MaxValue, chunk.AsSpan(4, 4 + data.Length)));
        stream.Write(chunk);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (byte b in data)
            crc = s_crcTable[(byte)(crc ^ b)] ^ (crc >> 8);
        return crc;
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
