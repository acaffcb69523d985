using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>
/// Makes parameters with x-transformers' starting values (PyTorch's defaults). One generator, drawn from in the order of construction: the same seed gives
/// the same model on every device and every runtime. The numbers are not PyTorch's for the same seed.
/// </summary>
public sealed class ParameterInitializer
{
    private ulong _state;

    /// <summary>A generator at its start.</summary>
    /// <param name="device">Where the parameters will be.</param>
    /// <param name="seed">The same seed gives the same parameters.</param>
    /// <param name="dtype">What they are stored as: Float32 for what is to learn.</param>
    /// <exception cref="ArgumentException"><paramref name="dtype"/> does not hold real numbers.</exception>
    public ParameterInitializer(ComputeDevice device, int seed = 0, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (!dtype.IsFloatingPoint())
            throw new ArgumentException($"A model cannot be stored as {dtype}; choose Float32, Float16 or BFloat16.", nameof(dtype));
        Device = device;
        DType = dtype;
        _state = unchecked((ulong)seed);
    }

    /// <summary>Where the parameters are.</summary>
    public ComputeDevice Device { get; }

    /// <summary>What they are stored as.</summary>
    public DType DType { get; }

    /// <summary>A persistent tensor filled with <paramref name="value"/>.</summary>
    /// <exception cref="ArgumentException">The shape has more numbers than one parameter may have; so in the other methods.</exception>
    /// <exception cref="InsufficientMemoryException">The device has no room for it; so in the other methods.</exception>
    public Tensor Constant(Shape shape, float value)
    {
        float[] values = Values(shape);
        Array.Fill(values, value);
        return Create(shape, values);
    }

    /// <summary>Ones where the first two axes agree, zeros elsewhere: what is mixed by it stays as it is.</summary>
    /// <param name="shape">[n, n, …]</param>
    public Tensor Identity(Shape shape)
    {
        float[] values = Values(shape);
        for (int i = 0; i < shape[0]; i++)
            values[(shape.Count / shape[0] + shape.Count / shape[0] / shape[1]) * i] = 1f;
        return Create(shape, values);
    }

    /// <summary>Uniform in [−1/√fanIn, 1/√fanIn): PyTorch's default for the weight and bias of a linear layer.</summary>
    /// <param name="shape">The parameter's shape.</param>
    /// <param name="fanIn">How many inputs each output sums over.</param>
    public Tensor Uniform(Shape shape, int fanIn)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(fanIn, 1);
        float bound = 1f / MathF.Sqrt(fanIn);
        float[] values = Values(shape);
        for (int i = 0; i < values.Length; i++)
            values[i] = (2f * NextSingle() - 1f) * bound;
        return Create(shape, values);
    }

    /// <summary>Normal with mean zero, by Box and Muller.</summary>
    public Tensor Normal(Shape shape, float standardDeviation = 1f)
    {
        float[] values = Values(shape);
        for (int i = 0; i < values.Length; i++)
            values[i] = standardDeviation * MathF.Sqrt(-2f * MathF.Log(1f - NextSingle())) * MathF.Cos(MathF.Tau * NextSingle());
        return Create(shape, values);
    }

    private Tensor Create(Shape shape, float[] values)
    {
        using StepScope construction = Device.BeginConstruction();
        Tensor tensor = Tensor.Persistent(Device, shape, DType);
        tensor.Write(values);
        construction.Complete();
        return tensor;
    }

    // What cannot be on the device need not be drawn on the host first.
    private float[] Values(Shape shape)
    {
        if (shape.Count > Array.MaxLength)
            throw new ArgumentException(
                $"A parameter of shape {shape} has {shape.Count} numbers; at most {Array.MaxLength} are possible. Use narrower layers or fewer entries.",
                nameof(shape));
        ParameterMemory.Check(Device, (double)shape.Count * DType.SizeInBytes(), $"A parameter of shape {shape}");
        return new float[shape.Count];
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
