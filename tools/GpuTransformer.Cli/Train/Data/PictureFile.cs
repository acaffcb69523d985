using System.Runtime.InteropServices;
using SkiaSharp;

namespace GpuTransformer.Cli.Train.Data;

/// <summary>
/// PNG, JPEG and BMP, scaled while they are read. Files come from anywhere: what they claim is checked before anything is decoded
/// (<see cref="PictureHeader"/>).
/// </summary>
internal static class PictureFile
{
    /// <summary>The channels of a picture, by its header alone.</summary>
    /// <exception cref="UsageException">It is damaged, something else or too large.</exception>
    public static int ReadChannels(string path) => Use(path, static file => PictureHeader.Read(file).Channels);

    /// <summary>Reads a picture, cuts the largest square from its middle and brings it to a size; transparency is ignored.</summary>
    /// <param name="path">The file.</param>
    /// <param name="size">Pixels along one side.</param>
    /// <param name="channels">1 for grey, 3 for colour.</param>
    /// <param name="target">[size, size, channels]</param>
    /// <exception cref="UsageException">It is damaged, something else or too large.</exception>
    public static void ReadInto(string path, int size, int channels, Memory<byte> target) => Use(path, file =>
    {
        PictureHeader header = PictureHeader.Read(file);
        header.CheckWhole(file);
        using var stream = new SKFileStream(path);
        using SKCodec codec = SKCodec.Create(stream, out SKCodecResult result) ?? throw new InvalidDataException($"it cannot be decoded ({result})");
        SKImageInfo own = codec.Info;
        if (own.Width != header.Width || own.Height != header.Height)
            throw new InvalidDataException($"its header says {header.Width} × {header.Height} pixels, its decoder {own.Width} × {own.Height}");
        SKSizeI scaled = Scaled(codec, size);
        SKImageInfo pixels = own.ColorType == SKColorType.Gray8
            ? new SKImageInfo(scaled.Width, scaled.Height, SKColorType.Gray8, SKAlphaType.Opaque)
            : new SKImageInfo(
                scaled.Width, scaled.Height, SKColorType.Rgba8888, own.AlphaType == SKAlphaType.Opaque ? SKAlphaType.Opaque : SKAlphaType.Unpremul);
        var reducer = new SquareReducer(pixels.Width, pixels.Height, header.Channels, pixels.BytesPerPixel, size, channels, target);
        Decode(codec, pixels, reducer, header.MaxBytes);
        PictureOrientation.Apply(codec.EncodedOrigin, target.Span, size, channels);
        return true;
    });

    // A decoder that can halve a picture does it faster and better than what follows; twice the size wanted is left to it.
    private static SKSizeI Scaled(SKCodec codec, int size)
    {
        SKImageInfo own = codec.Info;
        int side = Math.Min(own.Width, own.Height);
        SKSizeI scaled = side > 2L * size ? codec.GetScaledDimensions(2f * size / side) : own.Size;
        return Math.Min(scaled.Width, scaled.Height) >= size ? scaled : own.Size;
    }

    private static unsafe void Decode(SKCodec codec, SKImageInfo info, SquareReducer reducer, long maxBytes)
    {
        bool byRows = codec.ScanlineOrder == SKCodecScanlineOrder.TopDown && codec.StartScanlineDecode(info) == SKCodecResult.Success;

        long bytes = (long)info.RowBytes * (byRows ? 1 : info.Height);
        if (bytes > maxBytes)
            throw new InvalidDataException($"its {info.Width} × {info.Height} pixels take {bytes} bytes while they are decoded, more than {maxBytes}");

        // Cleared, so that nothing that lay there before can become a picture; pages that a file does not fill are never touched.
        byte* memory = (byte*)NativeMemory.AllocZeroed((nuint)bytes);
        try
        {
            SKCodecResult result = byRows ? SKCodecResult.Success : codec.GetPixels(info, (nint)memory, info.RowBytes, SKCodecOptions.Default);
            if (result != SKCodecResult.Success)
                throw new InvalidDataException($"it cannot be decoded ({result})");
            for (int row = 0; row < info.Height; row++)
            {
                if (byRows && codec.GetScanlines((nint)memory, 1, info.RowBytes) != 1)
                    throw new InvalidDataException($"it cannot be decoded beyond row {row} of {info.Height}");
                reducer.Add(new ReadOnlySpan<byte>(memory + (byRows ? 0 : (long)row * info.RowBytes), info.RowBytes));
            }
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    private static T Use<T>(string path, Func<FileStream, T> read)
    {
        try
        {
            // A pipe or a device has no length either, and opening one may wait for ever.
            if (new FileInfo(path).Length == 0)
                throw new InvalidDataException("it is empty; PNG, JPEG or BMP is needed");
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            return read(file);
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
            throw new UsageException($"'{path}' cannot be used: {exception.Message}.");
        }
    }
}
