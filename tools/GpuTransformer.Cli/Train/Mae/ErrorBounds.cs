using GpuTransformer.Cli.Train.Data;

namespace GpuTransformer.Cli.Train.Mae;

/// <summary>
/// What an error is to be compared with, for the very masks drawn: copying the nearest visible pixel, predicting the mean, and, where the images' distribution
/// is known, the optimum. On a known field all are expectations in closed form, otherwise measured.
/// </summary>
internal sealed class ErrorBounds(PatchGrid grid, IImageSource images)
{
    private readonly GaussianField? _field = images as GaussianField;
    private readonly Dictionary<string, (double Optimum, double Nearest)> _known = [];
    private double _optimum;
    private double _nearest;
    private double _mean;
    private int _images;

    /// <summary>The least possible error; null where it is not known.</summary>
    public double? Optimum => _field is null ? null : _optimum / _images;

    /// <summary>The error of copying the nearest visible pixel.</summary>
    public double NearestPixel => _nearest / _images;

    /// <summary>The error of predicting zero, which is the mean.</summary>
    public double Mean => _field is null ? _mean / _images : 1;

    /// <summary>Takes a batch into account.</summary>
    public void Add(MaskedImageBatch batch)
    {
        for (int image = 0; image < batch.Count; image++)
        {
            if (_field is null)
                Measure(batch, image);
            else
                Compute(_field, batch, image);
        }

        _images += batch.Count;
    }

    private void Compute(GaussianField field, MaskedImageBatch batch, int image)
    {
        int[] patches = batch.VisiblePatches(image).ToArray();
        Array.Sort(patches);
        string key = string.Join(',', patches);
        if (!_known.TryGetValue(key, out (double Optimum, double Nearest) bounds))
        {
            int[] visible = [.. patches.SelectMany(grid.Pixels)], hidden = [.. batch.HiddenPatches(image).ToArray().SelectMany(grid.Pixels)];
            _known.Add(key, bounds = (field.OptimalError(visible, hidden), field.NearestPixelError(visible, hidden)));
        }

        _optimum += bounds.Optimum;
        _nearest += bounds.Nearest;
    }

    private void Measure(MaskedImageBatch batch, int image)
    {
        ReadOnlySpan<float> hidden = batch.HiddenValues(image);
        var whole = new float[grid.ImageLength];
        batch.Assemble(image, whole, hidden);
        double mean = 0, nearest = 0;
        foreach (float value in hidden)
            mean += (double)value * value;
        foreach (int patch in batch.HiddenPatches(image))
        {
            foreach (int pixel in grid.Pixels(patch))
            {
                int other = NearestVisible(batch.VisiblePatches(image), pixel / grid.ImageSize, pixel % grid.ImageSize);
                for (int c = 0; c < grid.Channels; c++)
                {
                    double difference = whole[pixel * grid.Channels + c] - whole[other * grid.Channels + c];
                    nearest += difference * difference;
                }
            }
        }

        _mean += mean / hidden.Length;
        _nearest += nearest / hidden.Length;
    }

    // The nearest point of a square is the point itself, clamped to the square.
    private int NearestVisible(ReadOnlySpan<int> patches, int y, int x)
    {
        int nearest = 0, distance = int.MaxValue;
        foreach (int patch in patches)
        {
            (int top, int left) = grid.Corner(patch);
            int dy = Math.Clamp(y, top, top + grid.PatchSize - 1), dx = Math.Clamp(x, left, left + grid.PatchSize - 1);
            int squared = (dy - y) * (dy - y) + (dx - x) * (dx - x);
            if (squared < distance)
                (nearest, distance) = (dy * grid.ImageSize + dx, squared);
        }

        return nearest;
    }
}
