using GpuTransformer.Kernels;

namespace GpuTransformer.Host;

/// <summary>Conversions between float32 and the two-byte formats on the host; the same code as the kernels use.</summary>
internal static class FloatConversion
{
    public static TElement[] FromSingle<TElement>(ReadOnlySpan<float> values)
        where TElement : unmanaged, IElement<TElement>
    {
        var result = new TElement[values.Length];
        for (int i = 0; i < values.Length; i++)
            result[i] = TElement.FromSingle(values[i]);
        return result;
    }

    public static void ToSingle<TElement>(ReadOnlySpan<TElement> values, Span<float> target)
        where TElement : unmanaged, IElement<TElement>
    {
        for (int i = 0; i < values.Length; i++)
            target[i] = TElement.ToSingle(values[i]);
    }

    /// <summary>The value that a tensor of <paramref name="dtype"/> would hold.</summary>
    public static float Round(float value, DType dtype) => dtype switch
    {
        DType.Float32 => value,
        DType.Float16 => Float16.ToSingle(Float16.FromSingle(value)),
        DType.BFloat16 => BFloat16.ToSingle(BFloat16.FromSingle(value)),
        _ => throw new ArgumentException($"{dtype} is not a floating-point type.", nameof(dtype)),
    };
}
