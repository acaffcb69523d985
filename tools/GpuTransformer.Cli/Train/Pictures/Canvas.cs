using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train.Pictures;

/// <summary>A picture to draw on.</summary>
internal sealed class Canvas
{
    private readonly byte[] _rgb; // [height, width, 3]

    public Canvas(int width, int height, int background)
    {
        (Width, Height) = (width, height);
        _rgb = new byte[width * height * 3];
        Fill(0, 0, width, height, background);
    }

    public int Width { get; }

    public int Height { get; }

    /// <summary>The colour of a pixel.</summary>
    public int this[int x, int y] => _rgb[(y * Width + x) * 3] << 16 | _rgb[(y * Width + x) * 3 + 1] << 8 | _rgb[(y * Width + x) * 3 + 2];

    /// <summary>Sets a pixel; outside the picture nothing happens.</summary>
    /// <param name="x">From the left.</param>
    /// <param name="y">From the top.</param>
    /// <param name="colour">0xRRGGBB</param>
    public void Set(int x, int y, int colour)
    {
        if ((uint)x >= (uint)Width || (uint)y >= (uint)Height)
            return;
        int at = (y * Width + x) * 3;
        (_rgb[at], _rgb[at + 1], _rgb[at + 2]) = ((byte)(colour >> 16), (byte)(colour >> 8), (byte)colour);
    }

    public void Fill(int left, int top, int width, int height, int colour)
    {
        for (int y = top; y < top + height; y++)
        {
            for (int x = left; x < left + width; x++)
                Set(x, y, colour);
        }
    }

    /// <summary>A line between two points, as thick as its brush is wide.</summary>
    public void Line(double x0, double y0, double x1, double y1, int colour, int brush = 1)
    {
        int points = Math.Max(1, (int)Math.Ceiling(Math.Max(Math.Abs(x1 - x0), Math.Abs(y1 - y0))));
        for (int i = 0; i <= points; i++)
        {
            double t = (double)i / points;
            Fill((int)Math.Round(x0 + (x1 - x0) * t), (int)Math.Round(y0 + (y1 - y0) * t), brush, brush, colour);
        }
    }

    /// <summary>Text whose upper left corner is at a point.</summary>
    public void Text(int x, int y, string text, int colour)
    {
        foreach (char c in text)
        {
            ReadOnlySpan<byte> rows = Glyphs.Of(c);
            for (int i = 0; i < Glyphs.Width * Glyphs.Height; i++)
            {
                if ((rows[i / Glyphs.Width] >> (Glyphs.Width - 1 - i % Glyphs.Width) & 1) == 1)
                    Set(x + i % Glyphs.Width, y + i / Glyphs.Width, colour);
            }

            x += Glyphs.Advance;
        }
    }

    /// <summary>Writes the picture as PNG, complete or not at all.</summary>
    public void Save(string path) => AtomicFile.Write(path, stream => PngFile.Write(stream, Width, Height, _rgb));
}
