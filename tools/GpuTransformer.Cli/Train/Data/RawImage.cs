namespace GpuTransformer.Cli.Train.Data;

/// <summary>An image as its file holds it.</summary>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 or 3.</param>
/// <param name="Pixels">[height, width, channels]</param>
internal sealed record RawImage(int Width, int Height, int Channels, ReadOnlyMemory<byte> Pixels)
{
    /// <summary>Cuts the largest square from the middle and brings it to a size, each new pixel being the mean of the area that it covers.</summary>
    /// <param name="size">Pixels along one side.</param>
    /// <param name="channels">1: the channels' mean, weighted as ITU-R BT.601 does; 3: grey three times.</param>
    /// <param name="target">[size, size, channels]</param>
    public void FitInto(int size, int channels, Span<byte> target)
    {
        int side = Math.Min(Width, Height), top = (Height - side) / 2, left = (Width - side) / 2;
        double scale = (double)side / size;
        Span<double> sums = stackalloc double[3];
        for (int pixel = 0; pixel < size * size; pixel++)
        {
            Average(top + pixel / size * scale, left + pixel % size * scale, scale, sums);
            if (channels == 1)
                target[pixel] = Round(Channels == 1 ? sums[0] : 0.299 * sums[0] + 0.587 * sums[1] + 0.114 * sums[2]);
            for (int c = 0; c < channels && channels > 1; c++)
                target[pixel * channels + c] = Round(sums[Channels == 1 ? 0 : c]);
        }
    }

    private static byte Round(double value) => (byte)Math.Clamp(value + 0.5, 0, 255);

    private void Average(double top, double left, double scale, Span<double> means)
    {
        means.Clear();
        double area = 0;
        ReadOnlySpan<byte> pixels = Pixels.Span;
        for (int y = (int)top; y < top + scale - 1e-9; y++)
        {
            double height = Math.Min(y + 1, top + scale) - Math.Max(y, top);
            for (int x = (int)left; x < left + scale - 1e-9; x++)
            {
                double weight = height * (Math.Min(x + 1, left + scale) - Math.Max(x, left));
                area += weight;
                int at = (Math.Min(y, Height - 1) * Width + Math.Min(x, Width - 1)) * Channels;
                for (int c = 0; c < Channels; c++)
                    means[c] += weight * pixels[at + c];
            }
        }

        for (int c = 0; c < Channels; c++)
            means[c] /= area;
    }
}
