using SkiaSharp;

namespace GpuTransformer.Cli.Train.Data;

/// <summary>Turns a square picture as its camera was held (Exif's orientation).</summary>
internal static class PictureOrientation
{
    /// <summary>Turns in place.</summary>
    /// <param name="origin">Where the first pixel of the file is to be seen.</param>
    /// <param name="image">[size, size, channels]</param>
    /// <param name="size">Pixels along one side.</param>
    /// <param name="channels">Bytes of a pixel.</param>
    public static void Apply(SKEncodedOrigin origin, Span<byte> image, int size, int channels)
    {
        if (origin == SKEncodedOrigin.TopLeft)
            return;
        byte[] stored = image.ToArray();
        int last = size - 1;
        for (int y = 0; y < size; y++)
        {
            for (int x = 0; x < size; x++)
            {
                (int row, int column) = origin switch
                {
                    SKEncodedOrigin.TopRight => (y, last - x),
                    SKEncodedOrigin.BottomRight => (last - y, last - x),
                    SKEncodedOrigin.BottomLeft => (last - y, x),
                    SKEncodedOrigin.LeftTop => (x, y),
                    SKEncodedOrigin.RightTop => (last - x, y),
                    SKEncodedOrigin.RightBottom => (last - x, last - y),
                    SKEncodedOrigin.LeftBottom => (x, last - y),
                    _ => (y, x),
                };
                stored.AsSpan((row * size + column) * channels, channels).CopyTo(image[((y * size + x) * channels)..]);
            }
        }
    }
}
