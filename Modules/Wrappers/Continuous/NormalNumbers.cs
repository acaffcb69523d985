namespace GpuTransformer.Modules;

/// <summary>Normally distributed numbers, by Box and Muller; the same seed gives the same. For models, not for secrets.</summary>
internal sealed class NormalNumbers(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>The next of them: mean zero, variance one.</summary>
    public float[] Draw(int count)
    {
        var numbers = new float[count];
        for (int i = 0; i < count; i++)
            numbers[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(Math.Tau * _random.NextDouble()));
        return numbers;
    }
}
