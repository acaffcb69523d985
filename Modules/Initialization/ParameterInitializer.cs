using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Makes parameters with x-transformers' starting values (PyTorch's defaults). One generator, drawn from in the order of construction: the same seed gives
/// the same model on every device and every runtime. The numbers are not PyTorch's for the same seed.
/// </summary>
internal sealed class ParameterInitializer(ComputeDevice device, int seed, DType dtype)
{
    private ulong _state = unchecked((ulong)seed);

    public ComputeDevice Device { get; } = device;

    public DType DType { get; } = CheckFloating(dtype);

    public Tensor Constant(Shape shape, float value)
    {
        var values = new float[checked((int)shape.Count)];
        Array.Fill(values, value);
        return Create(shape, values);
    }

    /// <summary>Uniform in [−1/√fanIn, 1/√fanIn): PyTorch's default for the weight and bias of a linear layer.</summary>
    public Tensor Uniform(Shape shape, int fanIn)
    {
        float bound = 1f / MathF.Sqrt(fanIn);
        var values = new float[checked((int)shape.Count)];
        for (int i = 0; i < values.Length; i++)
            values[i] = (2f * NextSingle() - 1f) * bound;
        return Create(shape, values);
    }

    /// <summary>Normal with mean zero, by Box and Muller.</summary>
    public Tensor Normal(Shape shape, float standardDeviation = 1f)
    {
        var values = new float[checked((int)shape.Count)];
        for (int i = 0; i < values.Length; i++)
            values[i] = standardDeviation * MathF.Sqrt(-2f * MathF.Log(1f - NextSingle())) * MathF.Cos(MathF.Tau * NextSingle());
        return Create(shape, values);
    }

    private static DType CheckFloating(DType dtype) => dtype.IsFloatingPoint()
        ? dtype
        : throw new ArgumentException($"A model cannot be stored as {dtype}; choose Float32, Float16 or BFloat16.", nameof(dtype));

    private Tensor Create(Shape shape, float[] values)
    {
        Tensor tensor = Tensor.Persistent(Device, shape, DType);
        tensor.Write(values);
        return tensor;
    }

    /// <summary>Uniform in [0, 1) with 24 bits, from SplitMix64 (Steele, Lea, Flood 2014): small, and defined by its text.</summary>
    private float NextSingle()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 40) * (1f / (1 << 24));
    }
}
