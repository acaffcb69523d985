using System.Collections.Concurrent;

namespace GpuTransformer.Modules;

/// <summary>
/// Writes a file so that whoever looks, at whatever moment, finds the old one or the new one complete, never a part. A link stays and what it points to is
/// replaced, the file's mode is kept, and what is no file at all (a device, a pipe) is written to.
/// </summary>
internal static class AtomicFile
{
    private const string Suffix = ".tmp";

    private static readonly ConcurrentDictionary<string, bool> s_unfinished = new(StringComparer.Ordinal);

    private const int BufferSize = 1 << 16;

    // The name of a temporary file has 37 characters more, and file systems take 255 bytes.
    private const int LongestStem = 50;

    /// <summary>Writes to a temporary file beside <paramref name="path"/>, flushes it to the disk and renames it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes what shall be in it, from the beginning to the end.</param>
    /// <exception cref="IOException">It cannot be written; the message names <paramref name="path"/>. What was there is unchanged.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path);
        UnixFileMode? mode = null;
        using (FileStream? existing = OpenExisting(path, full))
        {
            if (existing is not null && IsSpecial(full, existing))
            {
                write(existing);
                return;
            }

            if (existing is not null && !OperatingSystem.IsWindows())
                mode = File.GetUnixFileMode(existing.SafeFileHandle);
        }

        Replace(path, LinkedPath.Resolve(full), mode, write);
    }

    /// <summary>Removes what a process that was killed while it wrote <paramref name="path"/> has left beside it.</summary>
    public static void RemoveLeftovers(string path)
    {
        string full = LinkedPath.Resolve(Path.GetFullPath(path)), begin = $"{Stem(full)}.", folder = Path.GetDirectoryName(full) ?? full;
        if (!Directory.Exists(folder))
            return;
        foreach (string file in Directory.EnumerateFiles(folder, $"*{Suffix}"))
        {
            string name = Path.GetFileName(file);
            if (name.StartsWith(begin, StringComparison.Ordinal) && name.Length > begin.Length + Suffix.Length
                && Guid.TryParseExact(name[begin.Length..^Suffix.Length], "N", out _))
                File.Delete(file);
        }
    }

    /// <summary>Removes what is being written at this moment: for a process that is about to end and will not wait for it.</summary>
    public static void DiscardUnfinished()
    {
        foreach (string temporary in s_unfinished.Keys)
            Delete(temporary);
    }

    private static void Replace(string path, string target, UnixFileMode? mode, Action<Stream> write)
    {
        string temporary = Path.Combine(Path.GetDirectoryName(target) ?? target, $"{Stem(target)}.{Guid.NewGuid():N}{Suffix}");
        s_unfinished[temporary] = true;
        try
        {
            FileStream stream = Create(path, target, temporary, mode is not null);
            using (stream)
            {
                write(stream);
                if (mode is { } kept && !OperatingSystem.IsWindows())
                    File.SetUnixFileMode(stream.SafeFileHandle, kept);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            Delete(temporary);
            throw;
        }
        finally
        {
            s_unfinished.TryRemove(temporary, out _);
        }
    }

    private static string Stem(string path) => Path.GetFileName(path) is { Length: > LongestStem } name ? name[..LongestStem] : Path.GetFileName(path);

    /// <summary>Whoever may not write a file may not replace it either, though the folder's permissions would allow it.</summary>
    private static FileStream? OpenExisting(string path, string full)
    {
        try
        {
            return new FileStream(full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, BufferSize);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new UnauthorizedAccessException(
                Directory.Exists(full) ? $"'{path}' is a folder; a file is needed." : $"'{path}' is there and may not be written.", exception);
        }
    }

    // Only a file has a length that can be set. It is tried where nothing can be lost: devices and pipes have no length, and what has one is a file.
    private static bool IsSpecial(string full, FileStream existing)
    {
        if (!existing.CanSeek)
            return true;
        if (IsOwnOutput(full))
        {
            existing.Seek(0, SeekOrigin.End);
            return true;
        }

        if (existing.Length > 0)
            return false;
        try
        {
            existing.SetLength(0);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    // The process's own standard output may be a file, to which others write as well.
    private static bool IsOwnOutput(string full)
        => full is "/dev/stdout" or "/dev/stderr" || full.StartsWith("/dev/fd/", StringComparison.Ordinal)
            || full.StartsWith("/proc/", StringComparison.Ordinal);

    private static FileStream Create(string path, string target, string temporary, bool isPrivate)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = BufferSize };

        // What only its owner may read shall not be open to all while it is written.
        if (isPrivate && !OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            return new FileStream(temporary, options);
        }
        catch (DirectoryNotFoundException exception)
        {
            throw new DirectoryNotFoundException($"'{path}' cannot be written: there is no folder '{Path.GetDirectoryName(target)}'.", exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new UnauthorizedAccessException($"'{path}' cannot be written: no file may be made in '{Path.GetDirectoryName(target)}'.", exception);
        }
        catch (IOException exception)
        {
            throw new IOException($"'{path}' cannot be written: {exception.Message.Replace(temporary, target, StringComparison.Ordinal)}", exception);
        }
    }

    // What went wrong is told by the exception under way.
    private static void Delete(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }
}
