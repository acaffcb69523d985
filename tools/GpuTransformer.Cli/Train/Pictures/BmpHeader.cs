using System.Buffers.Binary;

namespace GpuTransformer.Cli.Train.Pictures;

/// <summary>The header of a BMP, of any of its versions, as far as it tells what decoding the file would take.</summary>
/// <param name="Width">Pixels per row.</param>
/// <param name="Height">Rows, in whichever order.</param>
/// <param name="Bits">Bits of a pixel.</param>
/// <param name="Compression">0 and the bit fields' 3 and 6: none; 1, 2: run lengths.</param>
/// <param name="PixelsAt">Where in the file the pixels begin.</param>
internal sealed record BmpHeader(long Width, long Height, int Bits, uint Compression, long PixelsAt)
{
    /// <summary>The longest part of a file that is looked at.</summary>
    public const int Length = 34;

    private const uint Core = 12;

    /// <summary>Reads the beginning of a file; null if it is too short.</summary>
    public static BmpHeader? Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < 26)
            return null;
        uint pixelsAt = BinaryPrimitives.ReadUInt32LittleEndian(file[10..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(file[14..]) == Core)
            return new BmpHeader(
                BinaryPrimitives.ReadUInt16LittleEndian(file[18..]),
                BinaryPrimitives.ReadUInt16LittleEndian(file[20..]),
                BinaryPrimitives.ReadUInt16LittleEndian(file[24..]),
                0,
                pixelsAt);
        return file.Length < Length ? null : new BmpHeader(
            BinaryPrimitives.ReadInt32LittleEndian(file[18..]),
            Math.Abs((long)BinaryPrimitives.ReadInt32LittleEndian(file[22..])),
            BinaryPrimitives.ReadUInt16LittleEndian(file[28..]),
            BinaryPrimitives.ReadUInt32LittleEndian(file[30..]),
            pixelsAt);
    }

    /// <summary>What is wrong, or null.</summary>
    /// <param name="fileLength">Bytes of the whole file.</param>
    public string? FindDamage(long fileLength)
    {
        if (Bits is not (1 or 2 or 4 or 8 or 16 or 24 or 32))
            return $"it says that a pixel has {Bits} bits";
        if (Compression is 1 or 2)
            return null; // run lengths: what a pixel takes is not known
        if (Compression is not (0 or 3 or 6))
            return $"its compression is number {Compression}; 0 to 3 and 6 are understood";
        long promised = (Width * Bits + 31) / 32 * 4 * Height, found = Math.Max(0, fileLength - PixelsAt);
        return promised <= found ? null : $"it says that it has {Width} × {Height} pixels of {Bits} bits, {promised} bytes, but {found} follow its header";
    }
}
