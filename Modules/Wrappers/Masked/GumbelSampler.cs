namespace GpuTransformer.Modules;

/// <summary>Draws tokens with the probabilities softmax(logits / temperature), as the largest of the logits plus Gumbel noise.</summary>
internal static class GumbelSampler
{
    private const double Smallest = 1e-10;

    /// <summary>−ln(−ln u)</summary>
    public static double Noise(Func<float> uniform) => -Math.Log(Math.Max(Smallest, -Math.Log(Math.Max(Smallest, uniform()))));

    /// <param name="logits">[rows · width]; minus infinity for what must not be drawn.</param>
    /// <param name="width">Of a row.</param>
    /// <param name="temperature">At least 0.</param>
    /// <param name="uniform">Numbers from 0 to below 1.</param>
    public static int[] Draw(ReadOnlySpan<float> logits, int width, double temperature, Func<float> uniform)
    {
        var drawn = new int[logits.Length / width];
        for (int row = 0; row < drawn.Length; row++)
        {
            double best = double.NegativeInfinity;
            for (int i = 0; i < width; i++)
            {
                double value = logits[row * width + i] / Math.Max(temperature, Smallest) + Noise(uniform);
                if (value > best)
                    (best, drawn[row]) = (value, i);
            }
        }

        return drawn;
    }
}
