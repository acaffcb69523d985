namespace GpuTransformer.Modules;

/// <summary>Chooses tokens from logits: the most likely one, or one of the k most likely, drawn with the probabilities softmax(logits / temperature).</summary>
internal sealed class TokenSampler(GenerationOptions options)
{
    // Reproducible by design: for models, not for secrets.
    private readonly Random _random = new(options.Seed);

    /// <param name="logits">One row of finite numbers.</param>
    public int Choose(ReadOnlySpan<float> logits)
    {
        if (options.Temperature == 0)
            return Largest(logits);
        int[] order = new int[logits.Length];
        for (int i = 0; i < order.Length; i++)
            order[i] = i;
        float[] keys = logits.ToArray();
        Array.Sort(keys, order);
        Array.Reverse(order);
        int kept = Math.Min(logits.Length, options.TopK ?? (logits.Length + 9) / 10);
        var weights = new double[kept];
        double total = 0;
        for (int i = 0; i < kept; i++)
            total += weights[i] = Math.Exp((logits[order[i]] - logits[order[0]]) / (double)options.Temperature);
        double left = _random.NextDouble() * total;
        for (int i = 0; i < kept; i++)
        {
            left -= weights[i];
            if (left < 0)
                return order[i];
        }

        return order[kept - 1];
    }

    // The first of several: ties are the same on every device that computes the same logits.
    private static int Largest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best])
                best = i;
        }

        return best;
    }
}
