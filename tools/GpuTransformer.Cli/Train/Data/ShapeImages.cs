namespace GpuTransformer.Cli.Train.Data;

/// <summary>
/// Generated scenes: on an even background a few rectangles, discs and gratings, the later in front of the earlier. Edges and textures that a Gaussian field
/// has not.
/// </summary>
internal sealed class ShapeImages : IImageSource
{
    private const int MaxShapes = 4, Probe = 512;

    private readonly double _mean;
    private readonly double _deviation = 1;

    /// <summary>Square scenes.</summary>
    /// <param name="size">Pixels along one side.</param>
    public ShapeImages(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        Size = size;

        // Mean and variance have no short formula; a few hundred scenes, always the same, give them.
        var image = new float[size * size];
        double sum = 0, squares = 0;
        for (int i = 0; i < Probe; i++)
        {
            Draw(new Random(i), fresh: false, image);
            foreach (float value in image)
                (sum, squares) = (sum + value, squares + (double)value * value);
        }

        double mean = sum / (Probe * image.Length);
        (_deviation, _mean) = (Math.Sqrt(squares / (Probe * image.Length) - mean * mean), mean);
    }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public int Channels => 1;

    /// <inheritdoc/>
    public void Draw(Random random, bool fresh, Span<float> image)
    {
        image.Fill(Normalise(Level(random)));
        int shapes = random.Next(1, MaxShapes + 1);
        for (int i = 0; i < shapes; i++)
        {
            switch (random.Next(3))
            {
                case 0:
                    Rectangle(random, image);
                    break;
                case 1:
                    Disc(random, image);
                    break;
                default:
                    Grating(random, image);
                    break;
            }
        }
    }

    private static double Level(Random random) => 2 * random.NextDouble() - 1;

    private float Normalise(double level) => (float)((level - _mean) / _deviation);

    private void Rectangle(Random random, Span<float> image)
    {
        (int top, int left, int height, int width) = Box(random);
        float level = Normalise(Level(random));
        for (int y = top; y < top + height; y++)
            image.Slice(y * Size + left, width).Fill(level);
    }

    private void Disc(Random random, Span<float> image)
    {
        double y0 = random.NextDouble() * Size, x0 = random.NextDouble() * Size, radius = (0.1 + 0.3 * random.NextDouble()) * Size;
        float level = Normalise(Level(random));
        for (int i = 0; i < image.Length; i++)
        {
            double dy = i / Size + 0.5 - y0, dx = i % Size + 0.5 - x0;
            if (dy * dy + dx * dx <= radius * radius)
                image[i] = level;
        }
    }

    // A sine of two to four waves across the image, in a rectangle.
    private void Grating(Random random, Span<float> image)
    {
        (int top, int left, int height, int width) = Box(random);
        double angle = Math.PI * random.NextDouble(), frequency = 2 * Math.PI * (2 + 2 * random.NextDouble()) / Size, phase = 2 * Math.PI * random.NextDouble();
        for (int y = top; y < top + height; y++)
        {
            for (int x = left; x < left + width; x++)
                image[y * Size + x] = Normalise(Math.Sin(frequency * (x * Math.Cos(angle) + y * Math.Sin(angle)) + phase));
        }
    }

    private (int Top, int Left, int Height, int Width) Box(Random random)
    {
        int height = random.Next((Size + 3) / 4, Size + 1), width = random.Next((Size + 3) / 4, Size + 1);
        return (random.Next(Size - height + 1), random.Next(Size - width + 1), height, width);
    }
}
