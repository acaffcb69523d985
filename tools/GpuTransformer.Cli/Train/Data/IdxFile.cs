using System.Buffers.Binary;
using System.IO.Compression;

namespace GpuTransformer.Cli.Train.Data;

/// <summary>
/// IDX, the format of MNIST: a big-endian magic number (two zeros, 08 for unsigned bytes, 03 for three dimensions), the three lengths, then the pixels. A file that
/// begins as gzip does is unpacked first.
/// </summary>
internal static class IdxFile
{
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
        UInt128 promised = (UInt128)count * rows * columns;
        int found = file.Length - HeaderLength;
        if (promised != (UInt128)found || rows == 0 || columns == 0)
            throw new UsageException($"'{path}' says that it holds {count} images of {rows} × {columns} bytes, {promised} in all, but {found} follow its header.");
        int length = (int)(rows * columns);
        return [.. Enumerable.Range(0, (int)count).Select(i => new RawImage((int)columns, (int)rows, 1, file.AsMemory(HeaderLength + i * length, length)))];
    }

    private static uint Length(byte[] file, int at) => BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at));

    private static byte[] ReadAll(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        if (file is not [0x1F, 0x8B, ..])
            return file;
        try
        {
            using var unpacked = new MemoryStream();
            using var stream = new GZipStream(new MemoryStream(file), CompressionMode.Decompress);
            stream.CopyTo(unpacked);
            return unpacked.ToArray();
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException($"'{path}' begins as gzip does, but cannot be unpacked: {exception.Message}");
        }
    }
}
