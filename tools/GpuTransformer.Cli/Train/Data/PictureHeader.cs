using GpuTransformer.Cli.Train.Pictures;

namespace GpuTransformer.Cli.Train.Data;

/// <summary>What a picture is, by its first bytes.</summary>
internal enum PictureFormat
{
    Png,
    Jpeg,
    Bmp,
}

/// <summary>
/// What a picture says of itself before anything is decoded, within the limits that keep a hostile file from taking the machine's memory or time.
/// </summary>
/// <param name="Format">By its first bytes, not by its name.</param>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 for grey, 3 for colour.</param>
internal sealed record PictureHeader(PictureFormat Format, long Width, long Height, int Channels)
{
    /// <summary>The most pixels of a picture, those of 8192 × 8192.</summary>
    public const long MaxPixels = 1L << 26;

    // The most that a format stores of a pixel, 16 bits of four channels, and what else may be in a file.
    private const long BytesPerPixel = 8, OtherBytes = 32L << 20;

    // What a decoder takes may be the picture's own size and this.
    private const long MaxBytesBeyond = 62_000_000;

    // The work on a JPEG in several scans is one visit of every pixel for each.
    private const long MaxVisits = 1L << 30;

    /// <summary>Pixels.</summary>
    public long Pixels => Width * Height;

    /// <summary>The most that decoding may take: a byte for each sample, and a bounded part beyond it.</summary>
    public long MaxBytes => Pixels * Channels + MaxBytesBeyond;

    /// <summary>Reads the header alone.</summary>
    /// <exception cref="InvalidDataException">It is damaged, something else or too large; the message is a clause.</exception>
    public static PictureHeader Read(Stream file)
    {
        var first = new byte[BmpHeader.Length];
        ReadOnlySpan<byte> begin = first.AsSpan(0, file.ReadAtLeast(first, first.Length, throwOnEndOfStream: false));
        file.Position = 0;
        PictureHeader header = Parse(begin, file);
        if (header.Width < 1 || header.Height < 1)
            throw new InvalidDataException($"it says that it has {header.Width} × {header.Height} pixels");
        if (header.Width > MaxPixels || header.Height > MaxPixels || header.Pixels > MaxPixels)
            throw new InvalidDataException(
                $"it says that it has {header.Width} × {header.Height} pixels; at most {MaxPixels} in all, as many as 8192 × 8192, are read");
        if (file.Length > header.Pixels * BytesPerPixel + OtherBytes)
            throw new InvalidDataException($"it has {file.Length} bytes for {header.Width} × {header.Height} pixels, more than any picture of that size");
        return header;
    }

    /// <summary>Looks at the whole file without decoding it: decoders are lenient and would make noise of a damaged one.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or takes too much to decode; the message is a clause.</exception>
    public void CheckWhole(Stream file)
    {
        file.Position = 0;
        string? damage = Format switch
        {
            PictureFormat.Png => PngFile.FindDamage(file),
            PictureFormat.Bmp => BmpDamage(file),
            _ => JpegDamage(JpegStructure.Read(file)),
        };
        if (damage is not null)
            throw new InvalidDataException(damage);
    }

    private static PictureHeader Parse(ReadOnlySpan<byte> begin, Stream file)
    {
        if (PngFile.HasSignature(begin))
        {
            (int width, int height, int channels) = PngFile.ReadHeader(begin) ?? throw new InvalidDataException("the file ends within its header");
            return new PictureHeader(PictureFormat.Png, width, height, channels);
        }

        if (begin is [0xFF, 0xD8, ..])
        {
            JpegStructure jpeg = JpegStructure.Read(file, untilFrame: true);
            return new PictureHeader(PictureFormat.Jpeg, jpeg.Width, jpeg.Height, jpeg.Components == 1 ? 1 : 3);
        }

        if (begin.StartsWith("BM"u8))
        {
            BmpHeader bmp = BmpHeader.Read(begin) ?? throw new InvalidDataException("the file ends within its header");
            return new PictureHeader(PictureFormat.Bmp, bmp.Width, bmp.Height, 3);
        }

        throw new InvalidDataException(
            begin.IsEmpty ? "it is empty; PNG, JPEG or BMP is needed"
                : $"it begins with {Convert.ToHexString(begin[..Math.Min(8, begin.Length)])}, as neither PNG, JPEG nor BMP does");
    }

    private static string? BmpDamage(Stream file)
    {
        var begin = new byte[BmpHeader.Length];
        return BmpHeader.Read(begin.AsSpan(0, file.ReadAtLeast(begin, begin.Length, throwOnEndOfStream: false)))?.FindDamage(file.Length);
    }

    private string? JpegDamage(JpegStructure jpeg)
    {
        if (jpeg.Scans > 1 && jpeg.CoefficientBytes > MaxBytes)
            return $"it is progressive, and its {Width} × {Height} pixels take {jpeg.CoefficientBytes} bytes while they are decoded, more than {MaxBytes}; a "
                + "baseline JPEG of it can be read";
        return jpeg.Scans * Pixels > MaxVisits
            ? $"it goes over its {Width} × {Height} pixels in {jpeg.Scans} scans; at most {MaxVisits / Pixels} are read"
            : null;
    }
}
