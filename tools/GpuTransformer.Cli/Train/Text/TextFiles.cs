using System.IO.Enumeration;

namespace GpuTransformer.Cli.Train.Text;

/// <summary>What was read, one file after the other, and which files were not.</summary>
/// <param name="Bytes">All of it.</param>
/// <param name="Files">The files that were read, in the order of their bytes.</param>
/// <param name="Skipped">Files of the right name that hold no text.</param>
internal sealed record TextFiles(byte[] Bytes, IReadOnlyList<string> Files, IReadOnlyList<string> Skipped)
{
    /// <summary>
    /// Documents and sources that people write. No JSON: machines write more of it than people, and settings and reports of a run would be learned by the next.
    /// </summary>
    public const string UsualPattern =
        "*.md;*.txt;*.rst;*.tex;*.html;*.css;*.cs;*.c;*.h;*.cpp;*.hpp;*.cu;*.java;*.js;*.ts;*.py;*.rs;*.go;*.sh;*.xml;*.yml;*.yaml;*.toml";

    /// <summary>Far beyond what a demonstration learns, and a batch of everything is still an array.</summary>
    private const long MaxBytes = 256L << 20;

    private static readonly string[] s_built = ["bin", "obj", "node_modules"];

    /// <summary>The patterns of a list.</summary>
    public static string[] Patterns(string list) => list.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Reads a file whatever its name, or the files of a folder whose names fit, in the order of their paths.</summary>
    /// <exception cref="UsageException">There is nothing there, or too much, or no text; the message says what was looked for and what found.</exception>
    public static TextFiles Read(string path, string pattern)
    {
        bool isFolder = Directory.Exists(path);
        if (!isFolder && !File.Exists(path))
            throw new UsageException($"--data: there is no file or folder '{path}'.");

        // The same order on every machine: by name, not by whatever a file system gives.
        string[] found = isFolder ? [.. Find(path, Patterns(pattern)).OrderBy(file => Relative(path, file), StringComparer.Ordinal)] : [path];
        if (found.Length == 0)
            throw new UsageException($"--data: '{path}' has no file named {pattern.Replace(";", ", ", StringComparison.Ordinal)}; --pattern names others.");
        using var bytes = new MemoryStream();
        List<string> read = [], skipped = [];
        foreach (string file in found)
        {
            byte[] content = ReadAtMost(file, MaxBytes - bytes.Length)
                ?? throw new UsageException($"--data: '{path}' holds more than {MaxBytes} bytes, up to '{file}'; choose a part with --pattern.");
            string name = isFolder ? Relative(path, file) : path;
            if (IsBinary(content))
            {
                skipped.Add(name);
                continue;
            }

            bytes.Write(content);
            read.Add(name);
        }

        return bytes.Length > 0
            ? new TextFiles(bytes.ToArray(), read, skipped)
            : throw new UsageException(
                $"--data: '{path}' has nothing to learn: {(skipped.Count > 0 ? $"'{skipped[0]}' is binary, a byte of it being 0." : "it is empty.")}");
    }

    // Null if there is more: a pipe or a device has no length that could be asked for, and perhaps no end.
    private static byte[]? ReadAtMost(string file, long most)
    {
        using FileStream stream = File.OpenRead(file);
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        for (int count; (count = stream.Read(buffer)) > 0;)
        {
            if (content.Length + count > most)
                return null;
            content.Write(buffer, 0, count);
        }

        return content.ToArray();
    }

    // As git has it: text has no byte 0.
    private static bool IsBinary(ReadOnlySpan<byte> content) => content.Contains((byte)0);

    private static string Relative(string folder, string file) => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/');

    private static FileSystemEnumerable<string> Find(string folder, string[] patterns)
        => new(
            folder,
            static (ref FileSystemEntry entry) => entry.ToFullPath(),
            new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.System, IgnoreInaccessible = false })
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory && Fits(patterns, entry.FileName),

            // A link to a folder may lead in a circle.
            ShouldRecursePredicate = static (ref FileSystemEntry entry)
                => !entry.FileName.StartsWith(".") && !s_built.Contains(entry.FileName.ToString()) && !entry.Attributes.HasFlag(FileAttributes.ReparsePoint),
        };

    private static bool Fits(string[] patterns, ReadOnlySpan<char> name)
    {
        foreach (string pattern in patterns)
        {
            if (FileSystemName.MatchesSimpleExpression(pattern, name))
                return true;
        }

        return false;
    }
}
