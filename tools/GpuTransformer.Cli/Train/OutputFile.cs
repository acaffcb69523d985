namespace GpuTransformer.Cli.Train;

/// <summary>Files that are rewritten while a run goes on.</summary>
internal static class OutputFile
{
    /// <summary>Writes beside <paramref name="path"/> and renames, so that whoever looks, or kills the process, finds the old file or the new one.</summary>
    public static void Replace(string path, Action<Stream> write)
    {
        string temporary = $"{path}.tmp";
        using (FileStream stream = File.Create(temporary))
            write(stream);
        File.Move(temporary, path, overwrite: true);
    }
}
