using System.Numerics;
using System.Runtime.InteropServices;

namespace GpuTransformer.Modules;

/// <summary>Reads stored elements piece by piece and converts them, so that a conversion needs no second copy of a whole tensor.</summary>
internal static class SafetensorsConversion
{
    private const int PieceBytes = 1 << 18;

    /// <summary>Fills <paramref name="target"/> with a tensor's elements as <typeparamref name="T"/>.</summary>
    public static void Read<T>(SafetensorsReader reader, SafetensorsEntry entry, Span<T> target)
        where T : unmanaged, INumber<T>
    {
        switch (entry.Type)
        {
            case SafetensorsType.F64:
                Convert<double, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            case SafetensorsType.F32:
                Convert<float, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            case SafetensorsType.F16:
                Convert<Half, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            case SafetensorsType.BF16:
                Convert<ushort, T>(reader, entry, target, static v => T.CreateTruncating(BitConverter.UInt32BitsToSingle((uint)v << 16)));
                break;
            case SafetensorsType.I64:
                Convert<long, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            case SafetensorsType.I32:
                Convert<int, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            case SafetensorsType.U32:
                Convert<uint, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            case SafetensorsType.I16:
                Convert<short, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            case SafetensorsType.U16:
                Convert<ushort, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            case SafetensorsType.I8:
                Convert<sbyte, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            case SafetensorsType.U8 or SafetensorsType.BOOL:
                Convert<byte, T>(reader, entry, target, static v => T.CreateTruncating(v));
                break;
            default:
                throw new CheckpointException(
                    $"Tensor '{SafetensorsHeader.Shorten(entry.Name)}' of '{reader.Path}' is stored as {SafetensorsHeader.Shorten(entry.TypeName)}, which "
                    + $"cannot be read; readable are {string.Join(", ", SafetensorsTypes.Readable)}.");
        }
    }

    /// <summary>A tensor's elements as integers of another width.</summary>
    public static T[] ReadAs<T>(SafetensorsReader reader, SafetensorsEntry entry)
        where T : unmanaged, INumber<T>
    {
        var values = new T[reader.CheckedCount(entry)];
        Read<T>(reader, entry, values);
        return values;
    }

    /// <summary>A tensor's elements as they are stored.</summary>
    public static T[] ReadRaw<T>(SafetensorsReader reader, SafetensorsEntry entry)
        where T : unmanaged
    {
        var values = new T[reader.CheckedCount(entry)];
        Span<T> rest = values;
        for (long offset = entry.FileOffset; rest.Length > 0;)
        {
            Span<T> piece = rest[..Math.Min(rest.Length, PieceBytes)];
            Span<byte> bytes = MemoryMarshal.AsBytes(piece);
            reader.ReadExactly(bytes, offset);
            offset += bytes.Length;
            rest = rest[piece.Length..];
        }

        return values;
    }

    /// <summary>The flags of a tensor; any byte but 0 and 1 is an error, for a kernel would take it for neither.</summary>
    public static bool[] ReadFlags(SafetensorsReader reader, SafetensorsEntry entry)
    {
        byte[] bytes = ReadRaw<byte>(reader, entry);
        int wrong = bytes.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)1);
        if (wrong >= 0)
            throw SafetensorsHeader.Bad(reader.Path, $"tensor '{entry.Name}' is boolean, but its element {wrong} is the byte {bytes[wrong]}");
        return MemoryMarshal.Cast<byte, bool>(bytes).ToArray();
    }

    private static void Convert<TStored, T>(SafetensorsReader reader, SafetensorsEntry entry, Span<T> target, Func<TStored, T> convert)
        where TStored : unmanaged
    {
        var piece = new TStored[Math.Min(target.Length, PieceBytes / Marshal.SizeOf<long>())];
        long offset = entry.FileOffset;
        while (target.Length > 0)
        {
            Span<TStored> stored = piece.AsSpan(0, Math.Min(piece.Length, target.Length));
            Span<byte> bytes = MemoryMarshal.AsBytes(stored);
            reader.ReadExactly(bytes, offset);
            for (int i = 0; i < stored.Length; i++)
                target[i] = convert(stored[i]);
            offset += bytes.Length;
            target = target[stored.Length..];
        }
    }
}
