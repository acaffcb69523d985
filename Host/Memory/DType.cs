namespace GpuTransformer.Host;

/// <summary>What a tensor stores. Arithmetic is float32 whatever the storage.</summary>
public enum DType
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,

    /// <summary>IEEE 754 binary16.</summary>
    Float16,

    /// <summary>bfloat16, the upper half of a float32.</summary>
    BFloat16,

    /// <summary>Signed 32-bit integers.</summary>
    Int32,

    /// <summary>Signed 64-bit integers, as PyTorch stores token ids.</summary>
    Int64,

    /// <summary>One byte, 0 or 1; true means attend or keep.</summary>
    Bool,
}

/// <summary>Facts about <see cref="DType"/>.</summary>
public static class DTypes
{
    /// <summary>Bytes per element.</summary>
    public static int SizeInBytes(this DType dtype) => dtype switch
    {
        DType.Float32 or DType.Int32 => 4,
        DType.Float16 or DType.BFloat16 => 2,
        DType.Int64 => 8,
        DType.Bool => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Unknown data type."),
    };

    /// <summary>Whether <paramref name="dtype"/> holds real numbers.</summary>
    public static bool IsFloatingPoint(this DType dtype) => dtype is DType.Float32 or DType.Float16 or DType.BFloat16;
}
