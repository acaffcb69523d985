using GpuTransformer.Host;

namespace GpuTransformer.Cli.Benchmarks;

/// <summary>Seeded inputs for measurements.</summary>
internal static class RandomInput
{
    /// <summary>Standard normal numbers: uniform ones would make every softmax flat.</summary>
    public static Tensor Normal(ComputeDevice device, Shape shape, DType dtype)
    {
        var random = new Random(1);
        var values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = MathF.Sqrt(-2f * MathF.Log(1f - random.NextSingle())) * MathF.Cos(MathF.Tau * random.NextSingle());
        return Tensor.From(device, shape, values, dtype);
    }
}
