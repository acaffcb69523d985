namespace GpuTransformer.Cli.Train.Data;

/// <summary>
/// Images drawn from a stationary Gaussian field with a squared-exponential covariance: cov(p, q) = (1 − ν) · exp(−|p − q|² / 2ℓ²) + ν · [p = q], unit
/// variance, ν = 1 % noise. Everything about it is known, so the best possible reconstruction of masked patches is too: that is what makes it a test of
/// learning.
/// </summary>
internal sealed class GaussianField : IImageSource
{
    private const double Noise = 0.01;

    private readonly double[] _factor; // [axis, axis], lower triangular: the covariance along one axis is factor · factorᵀ
    private readonly double _correlationLength;

    /// <summary>A field of square images.</summary>
    /// <param name="size">Pixels along one side.</param>
    /// <param name="correlationLength">ℓ in pixels.</param>
    public GaussianField(int size, double correlationLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(correlationLength);
        Size = size;
        _correlationLength = correlationLength;

        // The squared exponential is a product over the two axes, so one small factor serves both: image = F · white · Fᵀ.
        var axis = new double[size * size];
        for (int i = 0; i < size; i++)
        {
            // A tiny ridge: the squared exponential is numerically singular; it is a thousandth of the noise that is added anyway.
            for (int j = 0; j < size; j++)
                axis[i * size + j] = Correlation(i - j) + (i == j ? 1e-9 : 0);
        }

        _factor = DenseMatrix.Cholesky(axis, size);
    }

    /// <summary>Pixels along one side.</summary>
    public int Size { get; }

    /// <inheritdoc/>
    public int Channels => 1;

    /// <inheritdoc/>
    public void Draw(Random random, bool fresh, Span<float> image) => Draw(random, image);

    /// <summary>Draws one image, row by row, into <paramref name="image"/>.</summary>
    public void Draw(Random random, Span<float> image)
    {
        int n = Size;
        Span<double> white = stackalloc double[n * n], half = stackalloc double[n * n];
        for (int i = 0; i < white.Length; i++)
            white[i] = Normal(random);
        for (int row = 0; row < n; row++)
        {
            for (int column = 0; column < n; column++)
            {
                double sum = 0;
                for (int k = 0; k <= row; k++)
                    sum += _factor[row * n + k] * white[k * n + column];
                half[row * n + column] = sum;
            }
        }

        double smooth = Math.Sqrt(1 - Noise), rough = Math.Sqrt(Noise);
        for (int row = 0; row < n; row++)
        {
            for (int column = 0; column < n; column++)
            {
                double sum = 0;
                for (int k = 0; k <= column; k++)
                    sum += half[row * n + k] * _factor[column * n + k];
                image[row * n + column] = (float)(smooth * sum + rough * Normal(random));
            }
        }
    }

    /// <summary>The covariance of two pixels given by their indices in row-major order.</summary>
    public double Covariance(int first, int second)
    {
        double smooth = Correlation(first / Size - second / Size) * Correlation(first % Size - second % Size);
        return (1 - Noise) * smooth + (first == second ? Noise : 0);
    }

    /// <summary>
    /// The least mean squared error with which pixels <paramref name="hidden"/> can be predicted from pixels <paramref name="visible"/>: the mean of the
    /// diagonal of C_hh − C_hv C_vv⁻¹ C_vh. No predictor, however trained, does better on average.
    /// </summary>
    public double OptimalError(ReadOnlySpan<int> visible, ReadOnlySpan<int> hidden)
    {
        int v = visible.Length;
        var covariance = new double[v * v];
        for (int i = 0; i < v; i++)
        {
            for (int j = 0; j < v; j++)
                covariance[i * v + j] = Covariance(visible[i], visible[j]);
        }

        double[] factor = DenseMatrix.Cholesky(covariance, v);
        var cross = new double[v];
        double error = 0;
        foreach (int pixel in hidden)
        {
            for (int i = 0; i < v; i++)
                cross[i] = Covariance(visible[i], pixel);

            // With C_vv = L Lᵀ, the explained variance is |L⁻¹ c|².
            DenseMatrix.SolveLower(factor, v, cross);
            double explained = 0;
            foreach (double c in cross)
                explained += c * c;
            error += 1 - explained;
        }

        return error / hidden.Length;
    }

    /// <summary>The mean squared error of copying the nearest visible pixel: what a predictor without any learning gets. E (x_h − x_v)² = 2 − 2 cov.</summary>
    public double NearestPixelError(ReadOnlySpan<int> visible, ReadOnlySpan<int> hidden)
    {
        double error = 0;
        foreach (int pixel in hidden)
        {
            double nearest = double.PositiveInfinity, covariance = 0;
            foreach (int other in visible)
            {
                int dy = pixel / Size - other / Size, dx = pixel % Size - other % Size;
                if (dy * dy + dx * dx >= nearest)
                    continue;
                nearest = dy * dy + dx * dx;
                covariance = Covariance(pixel, other);
            }

            error += 2 - 2 * covariance;
        }

        return error / hidden.Length;
    }

    private double Correlation(int distance) => Math.Exp(-distance * distance / (2 * _correlationLength * _correlationLength));

    // Box and Muller 1958.
    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
