using GpuTransformer.Host;

namespace GpuTransformer.Validation;

/// <summary>Seeded inputs for validation cases, rounded to the storage type so that oracle and kernel read the same numbers.</summary>
internal sealed class CaseData(int seed, DType dtype)
{
    private readonly Random _random = new(seed);

    public DType DType { get; } = dtype;

    /// <summary>Uniform in ±<paramref name="range"/>.</summary>
    public float[] Uniform(long count, float range = 1f)
    {
        var values = new float[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = FloatConversion.Round((_random.NextSingle() * 2f - 1f) * range, DType);
        return values;
    }

    /// <summary>True with probability <paramref name="probability"/>.</summary>
    public bool[] Flags(long count, double probability)
    {
        var values = new bool[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = _random.NextDouble() < probability;
        return values;
    }

    /// <summary>Integers in [0, <paramref name="limit"/>).</summary>
    public int[] Integers(long count, int limit)
    {
        var values = new int[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = _random.Next(limit);
        return values;
    }

    public static T[] Convert<T>(float[] values)
        where T : System.Numerics.INumberBase<T>
        => Array.ConvertAll(values, T.CreateChecked);

    /// <summary>The oracle's float64 answer beside the plain float32 one, rounded to the storage type.</summary>
    public Expected Expect(string output, double[] exact, float[] plain)
        => new(output, exact, Array.ConvertAll(plain, v => (double)FloatConversion.Round(v, DType)));

    /// <summary>A different, reproducible seed for each case of a sweep.</summary>
    public static int Seed(int seed, params ReadOnlySpan<int> key)
    {
        uint hash = (uint)seed * 2654435761u;
        foreach (int k in key)
            hash = (hash ^ (uint)k) * 16777619u;
        return (int)(hash & 0x7fffffff);
    }
}
