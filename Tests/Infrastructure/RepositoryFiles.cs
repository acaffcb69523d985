using System.Runtime.CompilerServices;

namespace GpuTransformer.Tests;

/// <summary>The repository that these tests were built from, wherever it lies and whatever its folder is called.</summary>
internal static class RepositoryFiles
{
    private static readonly string[] s_buildFolders = ["bin", "obj"];

    /// <summary>The folder of GpuTransformer.sln.</summary>
    public static string Root { get; } = FindRoot(AppContext.BaseDirectory) ?? FindRoot(Path.GetDirectoryName(ThisFile())!)
        ?? throw new AssertInconclusiveException("The tests run outside the repository, whose files they are about.");

    public static string PathOf(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    /// <summary>All source files below a top-level folder, relative to the root with forward slashes; build outputs excluded.</summary>
    public static IEnumerable<string> Sources(string folder)
        => from file in Directory.EnumerateFiles(PathOf(folder), "*.cs", SearchOption.AllDirectories)
           let relative = Path.GetRelativePath(Root, file).Replace('\\', '/')
           where !relative.Split('/').Any(s_buildFolders.Contains)
           select relative;

    private static string? FindRoot(string start)
    {
        for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "GpuTransformer.sln")))
                return folder.FullName;
        }

        return null;
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
