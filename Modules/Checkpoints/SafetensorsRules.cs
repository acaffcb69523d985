using System.Text;

namespace GpuTransformer.Modules;

/// <summary>The format's limits, for the reader and the writer alike: what the one writes the other reads.</summary>
internal static class SafetensorsRules
{
    /// <summary>The key of a header that is no tensor.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>The format's own limit on the header, in bytes.</summary>
    public const long LargestHeader = 100_000_000;

    /// <summary>The most axes a tensor may have.</summary>
    public const int MostAxes = 16;

    /// <summary>More elements than any file can hold, at eight bytes each.</summary>
    public const long MostElements = 1L << 58;

    /// <summary>Whether a text can be written as UTF-8: every surrogate has its other half.</summary>
    public static bool IsText(string text)
    {
        ReadOnlySpan<char> rest = text;
        while (Rune.DecodeFromUtf16(rest, out _, out int length) == System.Buffers.OperationStatus.Done)
            rest = rest[length..];
        return rest.IsEmpty;
    }

    /// <summary>
    /// The product of axis lengths, none of them negative; null if it exceeds <see cref="MostElements"/>. An empty axis makes any product zero.
    /// </summary>
    public static long? Elements(ReadOnlySpan<int> lengths)
    {
        if (lengths.Contains(0))
            return 0;
        Int128 count = 1;
        foreach (int length in lengths)
        {
            count *= length;
            if (count > MostElements)
                return null;
        }

        return (long)count;
    }
}
