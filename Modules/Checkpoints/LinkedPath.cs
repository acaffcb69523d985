namespace GpuTransformer.Modules;

/// <summary>Where a path leads when all symbolic links in it are followed, as the operating system does, also if nothing is there yet.</summary>
internal static class LinkedPath
{
    // Linux gives up after as many.
    private const int MostLinks = 40;

    /// <summary>Follows the links of a full path.</summary>
    /// <exception cref="IOException">The links go round in a circle.</exception>
    public static string Resolve(string full)
    {
        string root = Path.GetPathRoot(full) ?? string.Empty, resolved = root;
        var parts = new Stack<string>(Parts(full[root.Length..]));
        int links = 0;
        while (parts.TryPop(out string? part))
        {
            if (part == "..")
            {
                resolved = Path.GetDirectoryName(resolved) ?? root;
                continue;
            }

            string next = Path.Combine(resolved, part);
            if (new FileInfo(next).LinkTarget is not { } link)
            {
                resolved = next;
                continue;
            }

            if (++links > MostLinks)
                throw new IOException($"'{full}' cannot be written: its symbolic links go round in a circle.");

            // What a link says takes the place of its name.
            string linkRoot = Path.GetPathRoot(link) ?? string.Empty;
            resolved = linkRoot.Length > 0 ? linkRoot : resolved;
            foreach (string inner in Parts(link[linkRoot.Length..]))
                parts.Push(inner);
        }

        return resolved;
    }

    // The first comes last, to be the top of a stack.
    private static IEnumerable<string> Parts(string path)
        => path.Split(
            [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries).Where(static p => p != ".").Reverse();
}
