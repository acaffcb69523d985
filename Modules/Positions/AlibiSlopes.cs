namespace GpuTransformer.Modules;

/// <summary>The slopes of ALiBi's heads, for <see cref="Host.ScoreOptions.AlibiSlopes"/>.</summary>
/// <remarks>Press, Smith, Lewis 2022.</remarks>
public static class AlibiSlopes
{
    /// <summary>
    /// 2^(−8 (i + 1) / n) for a power of two n; otherwise those of the next smaller power of two, then every other one of the next larger: not sorted.
    /// </summary>
    /// <param name="heads">n, at least 1.</param>
    public static float[] For(int heads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        int power = 1 << (31 - int.LeadingZeroCount(heads));
        var slopes = new float[heads];
        for (int i = 0; i < heads; i++)
            slopes[i] = (float)(i < power ? Math.Pow(2, -8.0 * (i + 1) / power) : Math.Pow(2, -4.0 * (2 * (i - power) + 1) / power));
        return slopes;
    }
}
