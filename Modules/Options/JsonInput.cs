using System.Text;
using System.Text.Json;

namespace GpuTransformer.Modules;

/// <summary>
/// JSON that came from outside, read strictly: a key given twice, a text with half a surrogate pair, a number too large to be one, nesting beyond 64 levels and
/// bytes that are no UTF-8 are errors here, at the boundary, and not wherever they would be noticed.
/// </summary>
internal static class JsonInput
{
    /// <summary>The largest file that is read, in bytes: some thousand times a large configuration.</summary>
    public const int LargestFile = 64 << 20;

    private const int DeepestNesting = 64;

    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file: UTF-8, or another Unicode encoding with its byte order mark.</param>
    /// <param name="relaxed">Whether comments and trailing commas are allowed.</param>
    /// <exception cref="InvalidDataException">It is no such JSON; the message names the file, the place and what would be right.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static JsonElement Read(string path, bool relaxed = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return Parse(ReadText(path), relaxed);
        }
        catch (Exception exception) when (exception is InvalidDataException or DecoderFallbackException)
        {
            throw new InvalidDataException($"'{path}' is not valid JSON: {exception.Message}", exception);
        }
    }

    /// <summary>Reads a text.</summary>
    /// <exception cref="InvalidDataException">It is no such JSON.</exception>
    public static JsonElement Parse(string json, bool relaxed = false)
    {
        ArgumentNullException.ThrowIfNull(json);
        var options = new JsonDocumentOptions
        {
            MaxDepth = DeepestNesting,
            AllowTrailingCommas = relaxed,
            CommentHandling = relaxed ? JsonCommentHandling.Skip : JsonCommentHandling.Disallow,
        };
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, options);
            JsonElement root = document.RootElement.Clone();
            return Wrong(root, string.Empty, 0) is { } what ? throw new InvalidDataException(what) : root;
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            // The second: a text whose surrogates do not pair cannot be turned into UTF-8.
            throw new InvalidDataException(exception.Message, exception);
        }
    }

    /// <summary>Checks what somebody else parsed.</summary>
    /// <exception cref="ArgumentException">It holds what <see cref="Parse"/> would refuse.</exception>
    internal static void Check(JsonElement element, string what, string parameter)
    {
        if (Wrong(element, string.Empty, 0) is { } wrong)
            throw new ArgumentException($"{what} cannot be read: {wrong}", parameter);
    }

    private static string? Wrong(JsonElement element, string path, int depth) => depth > DeepestNesting
        ? $"it is nested more than {DeepestNesting} levels deep."
        : element.ValueKind switch
        {
            JsonValueKind.Object => WrongMember(element, path, depth),
            JsonValueKind.Array => element.EnumerateArray().Select(
                (item, i) => Wrong(item, $"{path}[{i}]", depth + 1)).FirstOrDefault(static wrong => wrong is not null),
            JsonValueKind.String => Text(() => element.GetString()) is null
                ? $"{Name(path)} is {Shorten(element.GetRawText())}, half a surrogate pair, which is no text."
                : null,

            // No option and no count here is a float64 that a float32 cannot hold.
            JsonValueKind.Number => Math.Abs(element.GetDouble()) > float.MaxValue
                ? $"{Name(path)} is {Shorten(element.GetRawText())}, but numbers are at most {float.MaxValue}."
                : null,
            _ => null,
        };

    private static string? WrongMember(JsonElement element, string path, int depth)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonProperty member in element.EnumerateObject())
        {
            if (Text(() => member.Name) is not { } name)
                return $"a key of {Name(path)} has half a surrogate pair, which is no text.";
            string inner = path.Length == 0 ? Shorten(name) : $"{path}.{Shorten(name)}";
            if (!names.Add(name))
                return $"{Name(inner)} is given twice.";
            if (Wrong(member.Value, inner, depth + 1) is { } wrong)
                return wrong;
        }

        return null;
    }

    // The parser leaves a text as it is until it is asked for.
    private static string? Text(Func<string?> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static string Name(string path) => path.Length == 0 ? "the whole" : $"'{path}'";

    private static string Shorten(string text) => NearestName.Shorten(text);

    // Not by the length that the file system tells: a device or a pipe has none.
    private static string ReadText(string path)
    {
        using FileStream file = File.OpenRead(path);
        var bytes = new MemoryStream();
        byte[] piece = new byte[1 << 16];
        for (int read; (read = file.Read(piece)) > 0;)
        {
            bytes.Write(piece, 0, read);
            if (bytes.Length > LargestFile)
                throw new InvalidDataException($"it has more than {LargestFile} bytes, which are read at most.");
        }

        bytes.Position = 0;
        using var reader = new StreamReader(bytes, s_strict, detectEncodingFromByteOrderMarks: true);
        return reader.ReadToEnd();
    }
}
