using System.Diagnostics;
using System.Text.RegularExpressions;

namespace GpuTransformer.Tests.Architecture;

/// <summary>What is read in the sources: where things may be and how long a file may get.</summary>
[TestClass]
public sealed partial class SourceTreeTests
{
    private static readonly string[] s_topLevel =
    [
        "GpuTransformer.sln", "Kernels", "Host", "Modules", "Tests", "tools", "docs", "global.json",
        "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Directory.Build.props", "Directory.Packages.props",
    ];

    [TestMethod]
    [DataRow("Kernels", 300)]
    [DataRow("Modules", 200)]
    public void Files_are_short(string folder, int limit)
    {
        string[] tooLong =
        [
            .. from file in RepositoryFiles.Sources(folder)
               where !file.Contains(".Generated.", StringComparison.OrdinalIgnoreCase)
               let lines = File.ReadLines(RepositoryFiles.PathOf(file)).Count()
               where lines > limit
               select $"{file} has {lines} lines",
        ];
        Assert.IsEmpty(tooLong, $"{string.Join("; ", tooLong)}; at most {limit}: one concept per file.");
    }

    [TestMethod]
    [DataRow("Kernels"), DataRow("Host"), DataRow("Modules"), DataRow("tools"), DataRow("Tests")]
    public void A_folder_has_at_most_25_files(string folder)
    {
        string[] crowded =
        [
            .. from file in RepositoryFiles.Sources(folder)
               group file by Path.GetDirectoryName(file) into inside
               where inside.Count() > 25
               select $"{inside.Key} has {inside.Count()}",
        ];
        Assert.IsEmpty(crowded, string.Join(", ", crowded));
    }

    [TestMethod]
    [DataRow("Kernels"), DataRow("Host"), DataRow("Modules"), DataRow("tools"), DataRow("Tests")]
    public void Lines_fit_in_160_columns(string folder)
    {
        string[] wide =
        [
            .. from file in RepositoryFiles.Sources(folder)
               from line in File.ReadLines(RepositoryFiles.PathOf(file)).Select(static (text, index) => (Text: text, Number: index + 1))
               where line.Text.Length > 160 && !IsQuotation(line.Text)
               select $"{file}:{line.Number}",
        ];
        Assert.IsEmpty(wide, string.Join(", ", wide));
    }

    // JSON and encoded files are quoted as they are.
    private static bool IsQuotation(string line)
        => line.Contains("\"\"\"", StringComparison.Ordinal) || line.TrimStart().StartsWith("\"/9j/", StringComparison.Ordinal);

    [TestMethod]
    public void Native_calls_are_in_two_folders()
    {
        string[] elsewhere =
        [
            .. from folder in new[] { "Kernels", "Host", "Modules", "tools" }
               from file in RepositoryFiles.Sources(folder)
               where !file.StartsWith("Host/Cuda/", StringComparison.Ordinal) && !file.StartsWith("Host/OpenCl/", StringComparison.Ordinal)
               where NativeCall().IsMatch(File.ReadAllText(RepositoryFiles.PathOf(file)))
               select file,
        ];
        Assert.IsEmpty(elsewhere, $"{string.Join(", ", elsewhere)}: P/Invoke lives in Host/Cuda and Host/OpenCl.");
        Assert.IsTrue(
            RepositoryFiles.Sources("Host").Any(static f => NativeCall().IsMatch(File.ReadAllText(RepositoryFiles.PathOf(f)))),
            "The search finds nothing at all.");
    }

    /// <summary>A family has one name in every layer, so that whoever has found a kernel has found its operator and its oracle.</summary>
    [TestMethod]
    [DataRow("Host/Operators")]
    [DataRow("tools/GpuTransformer.Validation")]
    public void Families_are_named_as_in_the_kernels(string folder)
    {
        string[] families = [.. RepositoryFiles.Sources(folder).Select(file => file[(folder.Length + 1)..].Split('/')).Where(static parts
            => parts.Length > 1).Select(static parts => parts[0]).Distinct()];
        Assert.IsNotEmpty(families);
        string[] strangers = [.. families.Where(static family => !Directory.Exists(RepositoryFiles.PathOf($"Kernels/{family}")))];
        Assert.IsEmpty(strangers, $"{folder} has {string.Join(", ", strangers)}: no such family in Kernels.");
    }

    [TestMethod]
    [DataRow("Host/Operators")]
    public void Operators_stand_in_families(string folder)
    {
        string[] loose = [.. RepositoryFiles.Sources(folder).Where(file => !file[(folder.Length + 1)..].Contains('/'))];
        Assert.IsEmpty(loose, string.Join(", ", loose));
    }

    [TestMethod]
    public void The_top_level_is_fixed()
    {
        string[] strangers = [.. TrackedTopLevel().Where(static name => !name.StartsWith('.') && !s_topLevel.Contains(name))];
        Assert.IsEmpty(strangers, $"{string.Join(", ", strangers)}: the top level is for the few things that everybody looks for.");
    }

    private static string[] TrackedTopLevel()
    {
        if (!Path.Exists(RepositoryFiles.PathOf(".git")))
            throw new AssertInconclusiveException("This copy of the repository has no history to ask what belongs to it.");
        var start = new ProcessStartInfo(
            "git", ["-c", "safe.directory=*", "ls-tree", "--name-only", "HEAD"]) { WorkingDirectory = RepositoryFiles.Root, RedirectStandardOutput = true };
        Process? git = null;
        try
        {
            git = Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new AssertInconclusiveException("git is not installed.", exception);
        }

        using (git)
        {
            string[] names = git!.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            git.WaitForExit();
            Assert.AreEqual(0, git.ExitCode, "git ls-tree failed.");
            Assert.Contains("GpuTransformer.sln", names);
            return names;
        }
    }

    [GeneratedRegex(@"\[\s*(DllImport|LibraryImport)\b|\bdelegate\*\s*unmanaged")]
    private static partial Regex NativeCall();
}
