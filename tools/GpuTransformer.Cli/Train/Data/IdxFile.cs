using System.Buffers.Binary;
using System.IO.Compression;

namespace GpuTransformer.Cli.Train.Data;

/// <summary>
/// IDX, the format of MNIST: a big-endian magic number (two zeros, 08 for unsigned bytes, 03 for three dimensions), the three lengths, then the pixels. A file
/// that begins as gzip does is unpacked first.
/// </summary>
internal static class IdxFile
{
    // Deflate makes at most 258 bytes of two bits.
    private const int MostPacked = 1032;

    private const int HeaderLength = 16, ImagesMagic = 0x00000803, LabelsMagic = 0x00000801;

    /// <summary>Reads all images of a file.</summary>
    /// <exception cref="UsageException">It is damaged or something else.</exception>
    public static IReadOnlyList<RawImage> Read(string path)
    {
        byte[] file = ReadAll(path);
        if (file.Length < HeaderLength)
            throw new UsageException($"'{path}' has {file.Length} bytes; an IDX file of images has a header of {HeaderLength} alone.");
        int magic = BinaryPrimitives.ReadInt32BigEndian(file);
        if (magic != ImagesMagic)
        {
            string what = magic == LabelsMagic ? "which is IDX labels; the images are in the file beside it" : "which is no IDX";
            throw new UsageException($"'{path}' begins with {magic:x8}, {what}; IDX images begin with {ImagesMagic:x8}.");
        }

        uint count = Length(file, 4), rows = Length(file, 8), columns = Length(file, 12);
        UInt128 promised = Promised(file);
        int found = file.Length - HeaderLength;
        if (promised != (UInt128)found || rows == 0 || columns == 0)
            throw new UsageException(
                $"'{path}' says that it holds {count} images of {rows} × {columns} bytes, {promised} in all, but {found} follow its header.");
        int length = (int)(rows * columns);
        return [.. Enumerable.Range(0, (int)count).Select(i => new RawImage((int)columns, (int)rows, 1, file.AsMemory(HeaderLength + i * length, length)))];
    }

    private static UInt128 Promised(ReadOnlySpan<byte> header) => (UInt128)Length(header, 4) * Length(header, 8) * Length(header, 12);

    private static uint Length(ReadOnlySpan<byte> file, int at) => BinaryPrimitives.ReadUInt32BigEndian(file[at..]);

    private static byte[] ReadAll(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (file.Length > Array.MaxLength)
            throw new UsageException($"'{path}' has {file.Length} bytes; at most {Array.MaxLength} are read.");
        bool packed = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        if (!packed)
        {
            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return bytes;
        }

        try
        {
            using var stream = new GZipStream(file, CompressionMode.Decompress);
            return Unpack(stream, path, file.Length);
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException($"'{path}' begins as gzip does, but cannot be unpacked: {exception.Message}");
        }
    }

    // A few bytes unpack to gigabytes: no more is unpacked than the header promises and a byte, which tells that there is more.
    private static byte[] Unpack(GZipStream stream, string path, long packedLength)
    {
        var header = new byte[HeaderLength];
        int found = stream.ReadAtLeast(header, HeaderLength, throwOnEndOfStream: false);
        if (found < HeaderLength || BinaryPrimitives.ReadInt32BigEndian(header) != ImagesMagic)
            return header[..found];
        UInt128 promised = Promised(header);
        if (promised > (UInt128)packedLength * MostPacked || promised > (UInt128)(Array.MaxLength - HeaderLength - 1))
        {
            string images = $"{Length(header, 4)} images of {Length(header, 8)} × {Length(header, 12)} bytes, {promised} in all";
            throw new UsageException(
                $"'{path}' says that it holds {images}; its {packedLength} packed bytes can unpack to "
                + $"{Math.Min(packedLength * MostPacked, Array.MaxLength)} at most.");
        }

        using var unpacked = new MemoryStream();
        unpacked.Write(header);
        var buffer = new byte[1 << 16];
        for (long left = (long)promised + 1; left > 0;)
        {
            int read = stream.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
            if (read == 0)
                break;
            unpacked.Write(buffer, 0, read);
            left -= read;
        }

        return unpacked.ToArray();
    }
}
