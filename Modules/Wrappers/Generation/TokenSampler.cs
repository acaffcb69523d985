namespace GpuTransformer.Modules;

/// <summary>
/// Chooses tokens from logits: the most likely one, or one of those that the filters leave, drawn with the probabilities softmax(logits / temperature).
/// </summary>
internal sealed class TokenSampler(GenerationOptions options)
{
    // Reproducible by design: for models, not for secrets.
    private readonly Random _random = new(options.Seed);

    /// <param name="logits">One row of finite numbers.</param>
    /// <param name="before">The tokens that are there already.</param>
    public int Choose(ReadOnlySpan<float> logits, ReadOnlySpan<int> before = default) => Draw(Distribution(logits, before));

    /// <summary>How likely each token is to be chosen: with temperature 0 one of them for sure.</summary>
    public double[] Distribution(ReadOnlySpan<float> logits, ReadOnlySpan<int> before = default)
    {
        float[] row = logits.ToArray();
        if (options.RepetitionPenalty != 1f)
            SamplingFilters.Repetition(row, before, options.RepetitionPenalty);
        if (options.Temperature == 0)
        {
            var sure = new double[row.Length];
            sure[Largest(row)] = 1;
            return sure;
        }

        Filter(row);
        return SamplingFilters.Probabilities(row, options.Temperature);
    }

    /// <summary>A token, drawn with these probabilities, which need not sum to one.</summary>
    public int Draw(ReadOnlySpan<double> probabilities)
    {
        double total = 0;
        int most = 0;
        for (int token = 0; token < probabilities.Length; token++)
        {
            total += probabilities[token];
            if (probabilities[token] > probabilities[most])
                most = token;
        }

        // Nothing is drawn where there is no choice, so that a seed means the same with and without it.
        if (probabilities[most] >= total)
            return most;
        double left = Next() * total;
        for (int token = 0; token < probabilities.Length; token++)
        {
            left -= probabilities[token];
            if (left < 0)
                return token;
        }

        // Rounding left a little over.
        return most;
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double Next() => _random.NextDouble();

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

    private void Filter(Span<float> row)
    {
        bool hasOther = options.TopP is not null || options.TopA is not null || options.MinP is not null;
        if (options.TopK is not null || !hasOther)
            SamplingFilters.TopK(row, Math.Min(row.Length, options.TopK ?? SamplingFilters.Count(options.FracNumTokens, row.Length)));
        if (options.TopP is { } share)
            SamplingFilters.TopP(row, share);
        if (options.TopA is { } ratio)
            SamplingFilters.TopA(row, ratio, options.TopAPower);
        if (options.MinP is { } least)
            SamplingFilters.MinP(row, least);
    }
}
