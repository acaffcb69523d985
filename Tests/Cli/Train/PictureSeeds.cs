using System.Buffers.Binary;
using System.IO.Compression;
using GpuTransformer.Cli.Train.Pictures;

namespace GpuTransformer.Tests.Cli.Train;

/// <summary>Small intact pictures of every kind that is read, made here byte by byte: a start for tests and mutations.</summary>
internal static class PictureSeeds
{
    /// <summary>
    /// 16 × 16, grey, left half black, right half white, blocks of one coefficient each: the smallest JPEG that shows whether it is read the right way round.
    /// </summary>
    public static readonly byte[] GreyJpeg = Convert.FromBase64String(
        "/9j/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQH/wAALCAAQABABAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBg" +
        "cICQoL/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQAAPwD/AD/3+/w/wB3+/wAP/9k=");

    /// <summary>24 × 17, colour at half resolution, eight scans.</summary>
    public static readonly byte[] ProgressiveJpeg = Convert.FromBase64String(
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZP" +
        "NS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wgARCAARABgDASIAAhEBAxEB/8QAGAABAQEBAQAAAAAAAAAAAAAAAAQFAgP/xAAYAQAC" +
        "AwAAAAAAAAAAAAAAAAADBQEEBv/aAAwDAQACEAMQAAABxKbqwjzmyll42A852KbT/8QAGBAAAwEBAAAAAAAAAAAAAAAAAAIDARH/2gAIAQEAAQUCyZkzJCzFmYnBRRT/xAAaEQACAgMA" +
        "AAAAAAAAAAAAAAAAAgMEAREx/9oACAEDAQE/AYrIlnOiIXh//8QAGxEAAgEFAAAAAAAAAAAAAAAAAAEDAgQREjH/2gAIAQIBAT8Bpew3EnhstyPh/8QAFBABAAAAAAAAAAAAAAAAAAAA" +
        "MP/aAAgBAQAGPwIf/8QAGRABAQADAQAAAAAAAAAAAAAAAGEBICFB/9oACAEBAAE/IZJpIIsPjun/AP/aAAwDAQACAAMAAAAQoxAB/8QAGREAAQUAAAAAAAAAAAAAAAAAAAEQESFB/9oA" +
        "CAEDAQE/EItFFHH/xAAaEQACAgMAAAAAAAAAAAAAAAAAARAxQXGx/9oACAECAQE/ED3pab4jCH//xAAZEAEAAwEBAAAAAAAAAAAAAAAAATFBIVH/2gAIAQEAAT8QrKiorKyQiOvDDDD/" +
        "2Q==");

    /// <summary>24 × 17, colour at full resolution, a restart marker after every block.</summary>
    public static readonly byte[] RestartJpeg = Convert.FromBase64String(
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZP" +
        "NS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT0//wAARCAARABgDAREAAhEBAxEB/8QAFwABAQEBAAAAAAAAAAAAAAAABgUDBP/EAB8QAAAG" +
        "AwADAAAAAAAAAAAAAAADBAUiMQECQRESUf/EABgBAAMBAQAAAAAAAAAAAAAAAAMEBgUC/8QAHREAAgICAwEAAAAAAAAAAAAAAAMEEQECEhNR0f/dAAQAAf/aAAwDAQACEQMRAD8AFEN1" +
        "RCvZZwmSf//QNkNtRCtWaSZJ/9GYQ11ELdNlQmUf/9LBM3VEYymWTypJ/9PuTNlRAVYsQVJP/9S8Wh1LzjHr52+AEmcqNnhXLbz7kPHfnY//1aSXgno5GqP/1lSXgHHJ5R//12CXgj44" +
        "NR//2Q==");

    /// <summary>All seeds of a format.</summary>
    /// <param name="extension">png, jpg or bmp.</param>
    public static byte[][] Of(string extension) => extension switch
    {
        "jpg" => [GreyJpeg, ProgressiveJpeg, RestartJpeg],
        "png" =>
        [
            Png(13, 7, 8, 2), Png(13, 7, 8, 0), Png(13, 7, 1, 0), Png(9, 5, 16, 6), Png(9, 5, 8, 4), Png(9, 5, 4, 3), Png(13, 7, 8, 2, interlaced: true),
            Png(9, 5, 16, 6, interlaced: true),
        ],
        _ => [Bmp(13, 7, 24), Bmp(13, -7, 32), Bmp(13, 7, 8), Bmp(13, 7, 1), Bmp(13, 7, 16), RunLengthBmp()],
    };

    /// <summary>A PNG of noise; its pixel data is split into two chunks.</summary>
    /// <param name="width">Pixels per row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="bits">Of a sample.</param>
    /// <param name="colour">0 grey, 2 colour, 3 palette, 4 grey and transparency, 6 colour and transparency.</param>
    /// <param name="interlaced">In Adam7's seven passes.</param>
    /// <param name="extra">A chunk before the pixels.</param>
    public static byte[] Png(int width, int height, int bits, int colour, bool interlaced = false, (string Type, byte[] Data)? extra = null)
    {
        int samples = colour switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        (int X, int Y, int StepX, int StepY)[] passes = interlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)];
        using var rows = new MemoryStream();
        var random = new Random(width);
        foreach ((int x, int y, int stepX, int stepY) in passes)
        {
            int across = (width - x + stepX - 1) / stepX, down = (height - y + stepY - 1) / stepY;
            var row = new byte[(across * bits * samples + 7) / 8];
            for (int i = 0; i < down && across > 0; i++)
            {
                random.NextBytes(row);
                rows.WriteByte((byte)(interlaced ? 0 : i % 5));
                rows.Write(row);
            }
        }

        return Png(width, height, bits, colour, interlaced, rows.ToArray(), extra);
    }

    /// <summary>A PNG of given rows, each with its filter before it.</summary>
    public static byte[] Png(int width, int height, int bits, int colour, bool interlaced, byte[] rows, (string Type, byte[] Data)? extra = null)
    {
        using var packed = new MemoryStream();
        using (var deflate = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            deflate.Write(rows);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)bits, (byte)colour, (byte)(interlaced ? 1 : 0));
        byte[] data = packed.ToArray();
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        PngFile.WriteChunk(file, "IHDR", header);
        if (colour == 3)
            PngFile.WriteChunk(file, "PLTE", [.. Enumerable.Range(0, 48).Select(static i => (byte)(i * 5))]);
        if (extra is { } chunk)
            PngFile.WriteChunk(file, chunk.Type, chunk.Data);
        PngFile.WriteChunk(file, "IDAT", data.AsSpan(0, data.Length / 2));
        PngFile.WriteChunk(file, "IDAT", data.AsSpan(data.Length / 2));
        PngFile.WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    /// <summary>A BMP without compression, of noise; a negative height for rows from the top.</summary>
    public static byte[] Bmp(int width, int height, int bits)
    {
        int palette = bits <= 8 ? 4 << bits : 0, stride = (width * bits + 31) / 32 * 4;
        byte[] file = BmpHeader(width, height, bits, 0, palette, stride * Math.Abs(height));
        new Random(bits).NextBytes(file.AsSpan(54));
        return file;
    }

    private static byte[] RunLengthBmp()
    {
        // Seven rows of a run of 13, each with its end, then the end of the picture.
        byte[] runs = [.. Enumerable.Range(0, 7).SelectMany(static row => new byte[] { 13, (byte)(row * 9), 0, 0 }), 0, 1];
        byte[] file = BmpHeader(13, 7, 8, 1, 1024, runs.Length);
        new Random(5).NextBytes(file.AsSpan(54, 1024));
        runs.CopyTo(file, 54 + 1024);
        return file;
    }

    private static byte[] BmpHeader(int width, int height, int bits, int compression, int palette, int data)
    {
        var file = new byte[54 + palette + data];
        "BM"u8.CopyTo(file);
        foreach ((int at, int value) in new[] { (2, file.Length), (10, 54 + palette), (14, 40), (18, width), (22, height), (26, 1 | bits << 16),
            (30, compression), (34, data) })
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), value);
        return file;
    }
}
