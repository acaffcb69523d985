namespace GpuTransformer.Modules;

/// <summary>Writes a file so that whoever looks, at whatever moment, finds the old one or the new one complete, never a part.</summary>
internal static class AtomicFile
{
    /// <summary>Writes to a temporary file beside <paramref name="path"/>, flushes it to the disk and renames it.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path);
        string temporary = $"{full}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            // The half-written file is of no use to anyone; what went wrong is reported by the exception under way.
            File.Delete(temporary);
            throw;
        }
    }
}
