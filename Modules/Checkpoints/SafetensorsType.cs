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

    /// <summary>Unsigned 32-bit integers; 64-bit ones on the device.</summary>
    U32,

    /// <summary>Signed 16-bit integers; 32-bit ones on the device.</summary>
    I16,

    /// <summary>Unsigned 16-bit integers; 32-bit ones on the device.</summary>
    U16,

    /// <summary>Signed 8-bit integers; 32-bit ones on the device.</summary>
    I8,

    /// <summary>Unsigned 8-bit integers; 32-bit ones on the device.</summary>
    U8,

    /// <summary>
    /// Something that this library cannot read (eight-bit floats, complex numbers, …): <see cref="SafetensorsEntry.TypeName"/> says what. It may stand beside
    /// what is read.
    /// </summary>
    Other,
}

/// <summary>Facts about <see cref="SafetensorsType"/>.</summary>
public static class SafetensorsTypes
{
    // Bits per element of those that are not read; four bits are packed in pairs.
    private static readonly Dictionary<string, int> s_otherBits = new(StringComparer.Ordinal)
    {
        ["F4"] = 4, ["F6_E2M3"] = 6, ["F6_E3M2"] = 6, ["F8_E4M3"] = 8, ["F8_E5M2"] = 8, ["F8_E8M0"] = 8, ["F8_E4M3FNUZ"] = 8, ["F8_E5M2FNUZ"] = 8, ["U64"] = 64,
        ["C64"] = 64,
    };

    /// <summary>Those that can be read.</summary>
    public static IReadOnlyList<SafetensorsType> Readable { get; } = [.. Enum.GetValues<SafetensorsType>().Where(static t => t != SafetensorsType.Other)];

    /// <summary>Bytes per element; 0 for <see cref="SafetensorsType.Other"/>, whose entry knows its bytes.</summary>
    public static int SizeInBytes(this SafetensorsType type) => type switch
    {
        SafetensorsType.F64 or SafetensorsType.I64 => 8,
        SafetensorsType.F32 or SafetensorsType.I32 or SafetensorsType.U32 => 4,
        SafetensorsType.F16 or SafetensorsType.BF16 or SafetensorsType.I16 or SafetensorsType.U16 => 2,
        SafetensorsType.Other => 0,
        _ => 1,
    };

    /// <summary>
    /// What a device holds a stored tensor as: the same type, except that float64 becomes float32 and integers that a device has not become wider ones.
    /// </summary>
    /// <exception cref="ArgumentException">It cannot be read.</exception>
    public static DType ToDType(this SafetensorsType type) => type switch
    {
        SafetensorsType.F64 or SafetensorsType.F32 => DType.Float32,
        SafetensorsType.F16 => DType.Float16,
        SafetensorsType.BF16 => DType.BFloat16,
        SafetensorsType.I64 or SafetensorsType.U32 => DType.Int64,
        SafetensorsType.I32 or SafetensorsType.I16 or SafetensorsType.U16 or SafetensorsType.I8 or SafetensorsType.U8 => DType.Int32,
        SafetensorsType.BOOL => DType.Bool,
        _ => throw new ArgumentException($"{type} has no data type of a device.", nameof(type)),
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

    /// <summary>The type of that name.</summary>
    internal static SafetensorsType Named(string name) => Readable.FirstOrDefault(t => t.ToString() == name, SafetensorsType.Other);

    /// <summary>How many bytes so many elements take; null for a type that nobody here has heard of.</summary>
    internal static long? Bytes(string name, long count) => Named(name) is var type and not SafetensorsType.Other
        ? count * type.SizeInBytes()
        : s_otherBits.TryGetValue(name, out int bits) ? (long)(((Int128)count * bits + 7) / 8) : null;

    internal static bool IsReal(this SafetensorsType type) => type is SafetensorsType.F64 or SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.BF16;
}
