using System.Text;

namespace GpuTransformer.Tests.Mutation;

/// <summary>
/// Spoils files, the same way for the same seed: bits flipped, pieces cut, repeated, moved and taken from other files, and tokens of JSON replaced by the
/// extremes of their kind.
/// </summary>
internal sealed class Mutator(int seed)
{
    // Whole values: what they replace leaves the JSON valid, so that it is the reader behind the parser that meets them.
    private static readonly byte[][] s_values =
    [
        .. new[]
        {
            "0", "-0", "-1", "1", "2", "3", "7", "16", "255", "256", "65535", "65536", "10001", "1073741824", "2147483647", "2147483648", "-2147483648",
            "-2147483649", "4294967295", "4294967296",
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "0.5", "1.5", "-0.1", "1e-400", "1e38", "1e39",
            "1e300", "1e400", "-1e400", "NaN", "Infinity",
            "null", "true", "false", "[]", "{}", "[null]", "[[]]", "\"\"", "\"a\"", "\"\\ud800\"", "\"\\udc00x\"", "\"\\u0000\"", "\"NaN\"", "\"-1\"",
            "\"2147483648\"", "\"F8_E4M3\"", "\"U8\"", "\"BOOL\"", "\"F64\"",
            "\"causal\"", "\"Encoder\"", "\"dim\"", "\"depth\"", "\"é\"", "\"\U0001F600\"", "\"..\"", "\"__metadata__\"", "\"Infinity\"", "\"0\"", "\"3\"",
            "\"4\"", "\"21\"", "\"1e39\"", "\"4294967296\"", "\"9223372036854775808\"", "\"a.b\"", "\"\"", "8", "4", "64", "1000",
        }.Select(Encoding.UTF8.GetBytes),
        Encoding.ASCII.GetBytes(new string('[', 100) + new string(']', 100)),
        Encoding.ASCII.GetBytes('"' + new string('x', 100_000) + '"'),
        Encoding.ASCII.GetBytes('[' + string.Join(',', Enumerable.Repeat("1", 20_000)) + ']'),
        Encoding.ASCII.GetBytes(new string('9', 400)),
    ];

    private static readonly byte[][] s_texts = [.. s_values.Where(static v => v[0] == '"')];

    private static readonly byte[][] s_tokens =
    [
        .. s_values,
        .. new[] { ",", ":", "}", "]", "{", "[", "\"", "\\", "\ufeff", " ", "/*x*/", ",,", "01" }.Select(Encoding.UTF8.GetBytes),
        [0xff, 0xfe], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x80],
    ];

    private readonly Random _random = new(seed);

    /// <summary>One to four changes of a piece of <paramref name="file"/>.</summary>
    /// <param name="file">What is spoilt; it is left alone.</param>
    /// <param name="others">Where other pieces come from.</param>
    public byte[] Mutate(byte[] file, IReadOnlyList<byte[]> others)
    {
        var bytes = new List<byte>(file);
        if (_random.Next(2) == 0)
        {
            for (int changes = 1 + _random.Next(2); changes > 0; changes--)
                ReplaceToken(bytes, tidy: true);
            return [.. bytes];
        }

        for (int changes = 1 + _random.Next(4); changes > 0; changes--)
            Change(bytes, others);
        return [.. bytes];
    }

    /// <summary>As <see cref="Mutate"/>, for a safetensors file: mostly its header, with the length in front made right more often than not.</summary>
    public byte[] MutateSafetensors(byte[] file, IReadOnlyList<byte[]> others)
    {
        if (_random.Next(8) == 0)
            return Mutate(file, others);
        int length = BitConverter.ToInt32(file);
        if (_random.Next(4) == 0 && file.Length > 8 + length)
        {
            // The numbers only: any bits at all.
            byte[] changed = [.. file];
            for (int changes = 1 + _random.Next(4); changes > 0; changes--)
                changed[_random.Next(8 + length, file.Length)] = _random.Next(2) == 0 ? (byte)0xff : (byte)_random.Next(256);
            return changed;
        }

        byte[] header = Mutate(file[8..(8 + length)], others), result = [.. file[..8], .. header, .. file[(8 + length)..]];
        if (_random.Next(8) != 0)
            BitConverter.GetBytes((long)header.Length).CopyTo(result, 0);
        return result;
    }

    /// <summary>One of them.</summary>
    public T Pick<T>(IReadOnlyList<T> list) => list[_random.Next(list.Count)];

    private void Change(List<byte> bytes, IReadOnlyList<byte[]> others)
    {
        (int start, int length) = Piece(bytes.Count, 24);
        switch (_random.Next(12))
        {
            case 0 when bytes.Count > 0:
                bytes[_random.Next(bytes.Count)] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when bytes.Count > 0:
                bytes[_random.Next(bytes.Count)] = (byte)_random.Next(256);
                break;
            case 2:
                bytes.RemoveRange(start, length);
                break;
            case 3:
                bytes.InsertRange(_random.Next(bytes.Count + 1), bytes.GetRange(start, length));
                break;
            case 4 when _random.Next(4) == 0:
                bytes.RemoveRange(start, bytes.Count - start);
                break;
            case 5:
                byte[] other = Pick(others);
                (int from, int count) = Piece(other.Length, 64);
                bytes.RemoveRange(start, length);
                bytes.InsertRange(start, other[from..(from + count)]);
                break;
            case 6:
                bytes.InsertRange(start, Pick(s_tokens));
                break;
            case 7:
                DuplicateMember(bytes);
                break;
            default:
                ReplaceToken(bytes, tidy: false);
                break;
        }
    }

    // A number, a word or a text with its quotes gives way to another.
    private void ReplaceToken(List<byte> bytes, bool tidy)
    {
        if (bytes.Count == 0)
            return;
        int start = _random.Next(bytes.Count), end;
        while (start < bytes.Count && !IsToken(bytes[start]))
            start++;
        if (start == bytes.Count)
            return;
        if (bytes[start] == '"')
        {
            end = bytes.IndexOf((byte)'"', start + 1) + 1;
            end = end == 0 ? bytes.Count : end;
        }
        else
        {
            while (start > 0 && IsToken(bytes[start - 1]) && bytes[start - 1] != '"')
                start--;
            for (end = start; end < bytes.Count && IsToken(bytes[end]) && bytes[end] != '"';)
                end++;
        }

        // A key, a number in quotes or a name stays a text.
        bool isText = bytes[start] == '"' && (end < bytes.Count && bytes[end] == ':' || _random.Next(2) == 0);
        bytes.RemoveRange(start, end - start);
        bytes.InsertRange(start, Pick(!tidy ? s_tokens : isText ? s_texts : s_values));
    }

    // From one comma to the next: mostly a key with its value.
    private void DuplicateMember(List<byte> bytes)
    {
        int start = bytes.Count == 0 ? -1 : bytes.IndexOf((byte)',', _random.Next(bytes.Count)), end = start < 0 ? -1 : bytes.IndexOf((byte)',', start + 1);
        if (end > 0 && end - start < 4096)
            bytes.InsertRange(end, bytes.GetRange(start, end - start));
    }

    private (int Start, int Length) Piece(int count, int longest)
    {
        int start = _random.Next(count + 1);
        return (start, Math.Min(count - start, _random.Next(longest + 1)));
    }

    private static bool IsToken(byte value)
        => value == '"' || value is (byte)'-' or (byte)'+' or (byte)'.' or (byte)'_' || char.IsAsciiLetterOrDigit((char)value);
}
