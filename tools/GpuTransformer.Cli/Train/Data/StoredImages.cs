namespace GpuTransformer.Cli.Train.Data;

/// <summary>
/// Images that were read from files: a tenth, at most five thousand, is held out for evaluation. Every channel is shifted and scaled to mean 0 and variance 1.
/// </summary>
internal sealed class StoredImages : IImageSource
{
    private const int MaxHeldOut = 5000;

    private readonly byte[] _pixels; // [count, size, size, channels]
    private readonly int[] _order;   // held-out images first
    private readonly float[] _mean;
    private readonly float[] _scale;

    /// <summary>Images in memory.</summary>
    /// <param name="pixels">[count, size, size, channels]</param>
    /// <param name="size">Pixels along one side.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="origin">Where they are from, for messages.</param>
    /// <exception cref="UsageException">There are fewer than two, so that none can be held out.</exception>
    public StoredImages(byte[] pixels, int size, int channels, string origin)
    {
        (_pixels, Size, Channels) = (pixels, size, channels);
        Count = pixels.Length / (size * size * channels);
        if (Count < 2)
            throw new UsageException($"'{origin}' holds {Count} image; at least 2 are needed, one to learn from and one to be measured on.");

        // The split belongs to the data, not to the run: another seed is measured on the same images.
        _order = [.. Enumerable.Range(0, Count)];
        new Random(0).Shuffle(_order);
        HeldOut = Math.Clamp(Count / 10, 1, MaxHeldOut);
        (_mean, _scale) = Statistics();
    }

    /// <summary>Images.</summary>
    public int Count { get; }

    /// <summary>How many of them training never sees.</summary>
    public int HeldOut { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public int Channels { get; }

    private int Length => Size * Size * Channels;

    /// <inheritdoc/>
    public (float Black, float White) Shades(int channel) => (-_mean[channel] * _scale[channel], (255 - _mean[channel]) * _scale[channel]);

    /// <inheritdoc/>
    public void Draw(Random random, bool fresh, Span<float> image)
    {
        int number = _order[fresh ? random.Next(HeldOut) : random.Next(HeldOut, Count)];
        ReadOnlySpan<byte> source = _pixels.AsSpan(number * Length, Length);
        for (int i = 0; i < source.Length; i++)
            image[i] = (source[i] - _mean[i % Channels]) * _scale[i % Channels];
    }

    private (float[] Mean, float[] Scale) Statistics()
    {
        long[] sums = new long[Channels], squares = new long[Channels];
        foreach (int number in _order.AsSpan(HeldOut))
        {
            ReadOnlySpan<byte> source = _pixels.AsSpan(number * Length, Length);
            for (int i = 0; i < source.Length; i++)
            {
                sums[i % Channels] += source[i];
                squares[i % Channels] += source[i] * source[i];
            }
        }

        double count = (double)(Count - HeldOut) * Size * Size;
        float[] mean = [.. sums.Select(s => (float)(s / count))];

        // Where all pixels are equal, there is nothing to scale.
        float[] scale = [.. squares.Select((s, c) => (float)(1 / Math.Sqrt(Math.Max(1, s / count - sums[c] / count * (sums[c] / count)))))];
        return (mean, scale);
    }
}
