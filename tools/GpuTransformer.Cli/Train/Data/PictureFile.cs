using GpuTransformer.Cli.Train.Pictures;
using StbImageSharp;

namespace GpuTransformer.Cli.Train.Data;

/// <summary>PNG, JPEG and BMP.</summary>
internal static class PictureFile
{
    /// <summary>Reads pictures, several at a time.</summary>
    /// <exception cref="UsageException">One is damaged or something else.</exception>
    public static IReadOnlyList<RawImage> ReadAll(IReadOnlyList<string> paths)
    {
        try
        {
            return [.. paths.AsParallel().AsOrdered().Select(Read)];
        }
        catch (AggregateException exception) when (exception.Flatten().InnerExceptions.FirstOrDefault(static e => e is UsageException) is UsageException first)
        {
            throw new UsageException(first.Message);
        }
    }

    /// <summary>Reads a picture; transparency is ignored.</summary>
    /// <exception cref="UsageException">It is damaged or something else.</exception>
    public static RawImage Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        if (FindDamage(file) is { } damage)
            throw new UsageException($"'{path}' cannot be used: {damage}.");
        try
        {
            using var stream = new MemoryStream(file);
            ColorComponents own = ImageInfo.FromStream(stream)?.ColorComponents ?? ColorComponents.RedGreenBlue;
            bool grey = own is ColorComponents.Grey or ColorComponents.GreyAlpha;
            ImageResult image = ImageResult.FromMemory(file, grey ? ColorComponents.Grey : ColorComponents.RedGreenBlue);
            return new RawImage(image.Width, image.Height, grey ? 1 : 3, image.Data);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // The decoder throws whatever its arrays throw when numbers in a file lead it astray.
            throw new UsageException($"'{path}' cannot be decoded: {exception.Message}");
        }
    }

    private static string? FindDamage(ReadOnlySpan<byte> file)
    {
        if (PngFile.HasSignature(file))
            return PngFile.FindDamage(file);

        // Within JPEG's compressed data FF is always followed by 00, so markers are found by looking for them; a thumbnail's end is before the image's scan.
        if (file is [0xFF, 0xD8, ..])
            return file.LastIndexOf((ReadOnlySpan<byte>)[0xFF, 0xD9]) > file.LastIndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]) ? null : "it begins as JPEG does, but ends before its last marker (FF D9)";
        if (file.StartsWith("BM"u8))
            return null;
        return file.IsEmpty ? "it is empty; PNG, JPEG or BMP is needed" : $"it begins with {Convert.ToHexString(file[..Math.Min(8, file.Length)])}, as neither PNG, JPEG nor BMP does";
    }
}
