using System.IO.Compression;

namespace GpuTransformer.Cli.Train.Text;

/// <summary>What gzip at its best makes of the held-out text.</summary>
internal static class GzipBaseline
{
    /// <summary>Bits for each held-out byte: by itself, and as what it adds to the compressed training text, which the 32 KiB before it help with.</summary>
    public static (double Alone, double AfterTraining) BitsPerByte(TextData data)
    {
        double bitsOfOne = 8.0 / data.HeldOut.Length;
        return (CompressedLength(data.HeldOut) * bitsOfOne, (CompressedLength(data.All) - CompressedLength(data.Training)) * bitsOfOne);
    }

    private static long CompressedLength(ReadOnlySpan<byte> text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(text);
        return compressed.Length;
    }
}
