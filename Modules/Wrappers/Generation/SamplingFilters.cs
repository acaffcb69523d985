namespace GpuTransformer.Modules;

/// <summary>
/// What keeps unlikely tokens from being drawn: each takes one row of logits and sets those that are out to minus infinity, in place. What another filter put
/// out is out already, and the most likely token always stays.
/// </summary>
internal static class SamplingFilters
{
    private const float Out = float.NegativeInfinity;

    /// <summary>How many tokens a share of all is, rounded up.</summary>
    public static int Count(double share, int tokens) => Math.Clamp((int)Math.Ceiling(share * tokens), 1, Math.Max(1, tokens));

    /// <summary>The <paramref name="count"/> most likely stay; of equal ones the first.</summary>
    public static void TopK(Span<float> logits, int count)
    {
        int[] order = Order(logits);
        for (int i = count; i < order.Length; i++)
            logits[order[i]] = Out;
    }

    /// <summary>
    /// The most likely stay until their probabilities together exceed <paramref name="share"/>, the one that does included: nucleus sampling.
    /// </summary>
    /// <remarks>Holtzman et al. 2020.</remarks>
    public static void TopP(Span<float> logits, double share)
    {
        int[] order = Order(logits);
        double[] probabilities = Probabilities(logits);
        double sum = 0;
        for (int i = 0; i < order.Length; i++)
        {
            if (sum > share)
                logits[order[i]] = Out;
            sum += probabilities[order[i]];
        }
    }

    /// <summary>Those stay that are at least <paramref name="ratio"/> · p^<paramref name="power"/> likely, p being the largest probability.</summary>
    public static void TopA(Span<float> logits, double ratio, double power)
    {
        double[] probabilities = Probabilities(logits);
        AtLeast(logits, probabilities, Math.Pow(probabilities.Max(), power) * ratio);
    }

    /// <summary>Those stay that are at least <paramref name="ratio"/> times as likely as the most likely.</summary>
    /// <remarks>Nguyen et al. 2024.</remarks>
    public static void MinP(Span<float> logits, double ratio)
    {
        double[] probabilities = Probabilities(logits);
        AtLeast(logits, probabilities, ratio * probabilities.Max());
    }

    /// <summary>Tokens that were there already become less likely: a logit above zero is divided by the penalty, another is multiplied by it.</summary>
    /// <remarks>Keskar et al. 2019, CTRL.</remarks>
    public static void Repetition(Span<float> logits, ReadOnlySpan<int> tokens, float penalty)
    {
        var seen = new HashSet<int>();
        foreach (int token in tokens)
        {
            if (token >= 0 && token < logits.Length && seen.Add(token))
                logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
        }
    }

    /// <summary>softmax(logits)</summary>
    public static double[] Probabilities(ReadOnlySpan<float> logits, float temperature = 1f)
    {
        var probabilities = new double[logits.Length];
        double largest = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits)
            largest = Math.Max(largest, logit);
        for (int i = 0; i < logits.Length; i++)
            sum += probabilities[i] = Math.Exp((logits[i] - largest) / temperature);
        for (int i = 0; i < logits.Length; i++)
            probabilities[i] /= sum;
        return probabilities;
    }

    // Token numbers, the most likely first; of equal ones the first.
    private static int[] Order(ReadOnlySpan<float> logits)
    {
        int[] order = new int[logits.Length];
        var keys = new (float Logit, int Token)[logits.Length];
        for (int i = 0; i < order.Length; i++)
            (order[i], keys[i]) = (i, (logits[i], i));
        Array.Sort(keys, order, Comparer<(float Logit, int Token)>.Create(static (a, b)
            => a.Logit == b.Logit ? a.Token.CompareTo(b.Token) : b.Logit.CompareTo(a.Logit)));
        return order;
    }

    private static void AtLeast(Span<float> logits, double[] probabilities, double limit)
    {
        double largest = probabilities.Max();
        for (int i = 0; i < logits.Length; i++)
        {
            if (probabilities[i] < Math.Min(limit, largest))
                logits[i] = Out;
        }
    }
}
