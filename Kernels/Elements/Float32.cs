namespace GpuTransformer.Kernels;

/// <summary>IEEE 754 binary32, stored as it is.</summary>
internal readonly struct Float32(float value) : IElement<Float32>
{
    private readonly float _value = value;

    public static float ToSingle(Float32 value) => value._value;

    public static Float32 FromSingle(float value) => new(value);
}
