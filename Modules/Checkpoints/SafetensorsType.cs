using GpuTransformer.Host;

namespace GpuTransformer.Modules;

/// <summary>How a safetensors file stores a tensor. Little-endian throughout.</summary>
public enum SafetensorsType
{
    /// <summary>IEEE 754 binary64; rounded to float32 on the device.</summary>
    F64,

    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>Signed 64-bit integers.</summary>
    I64,

    /// <summary>Signed 32-bit integers.</summary>
    I32,

    /// <summary>One byte, 0 or 1.</summary>
    BOOL,
}

/// <summary>Facts about <see cref="SafetensorsType"/>.</summary>
public static class SafetensorsTypes
{
    /// <summary>Bytes per element.</summary>
    public static int SizeInBytes(this SafetensorsType type) => type switch
    {
        SafetensorsType.F64 or SafetensorsType.I64 => 8,
        SafetensorsType.F32 or SafetensorsType.I32 => 4,
        SafetensorsType.F16 or SafetensorsType.BF16 => 2,
        _ => 1,
    };

    /// <summary>What a device holds a stored tensor as: the same type, except that float64 becomes float32.</summary>
    public static DType ToDType(this SafetensorsType type) => type switch
    {
        SafetensorsType.F64 or SafetensorsType.F32 => DType.Float32,
        SafetensorsType.F16 => DType.Float16,
        SafetensorsType.BF16 => DType.BFloat16,
        SafetensorsType.I64 => DType.Int64,
        SafetensorsType.I32 => DType.Int32,
        _ => DType.Bool,
    };

    /// <summary>How a device's tensor is stored: bit by bit.</summary>
    public static SafetensorsType ToSafetensors(this DType type) => type switch
    {
        DType.Float32 => SafetensorsType.F32,
        DType.Float16 => SafetensorsType.F16,
        DType.BFloat16 => SafetensorsType.BF16,
        DType.Int64 => SafetensorsType.I64,
        DType.Int32 => SafetensorsType.I32,
        DType.Bool => SafetensorsType.BOOL,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Unknown data type."),
    };
}
