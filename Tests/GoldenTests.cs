using System.Reflection;
using System.Text.Json;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Verification;
using GpuTransformer.Host;

namespace GpuTransformer.Tests;

/// <summary>
/// Golden vectors of x-transformers through the same code as <c>gpu-transformer verify</c>: those of the repository, and a larger folder where one is named.
/// </summary>
[TestClass]
public sealed class GoldenTests
{
    /// <summary>Names a folder with <c>manifest.json</c>, all of whose cases are then run too.</summary>
    private const string FolderVariable = "GPUTRANSFORMER_GOLDENS";

    private static readonly GoldenManifest s_repository = GoldenManifest.Read(new DirectoryInfo(RepositoryFiles.PathOf("Tests", "Goldens")));

    /// <summary>One row per device and family: a case is small, and a failure names each case that failed.</summary>
    public static IEnumerable<object[]> Rows()
        => from id in TestDevices.Ids
           from family in s_repository.Cases.Select(static c => c.Family).Distinct()
           select new object[] { id, family };

    public static string DisplayName(MethodInfo method, object[] row) => $"{method.Name} ({string.Join(", ", row)})";

    [TestMethod]
    [DynamicData(nameof(Rows), DynamicDataDisplayName = nameof(DisplayName))]
    public void Every_case_of_the_repository_agrees_with_x_transformers(string id, string family)
    {
        ComputeDevice device = TestDevices.Get(id);
        GoldenCase[] cases = [.. s_repository.Cases.Where(c => c.Family == family)];
        CaseResult[] results = Run(s_repository, cases, device);
        AssertNoneFailed(results);

        string[] unsupported =
            [.. results.Where(static r => r.Status == CaseStatus.Unsupported).Select(static r => $"{r.Name}: {r.Message}")];
        Assert.IsEmpty(unsupported, string.Join("\n", unsupported));
        Assert.IsTrue(results.Any(static r => r.Status == CaseStatus.Passed), "Nothing passed.");
    }

    [TestMethod]
    [DeviceRows]
    public void A_wrong_weight_is_noticed(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        string folder = Directory.CreateTempSubdirectory("goldens").FullName;
        try
        {
            GoldenCase golden = s_repository.Cases.First(static c => c.Name == "enc_cross__both") with { Sha256 = null };
            byte[] bytes = File.ReadAllBytes(Path.Combine(s_repository.Folder.FullName, golden.File));
            int header = BitConverter.ToInt32(bytes);
            using JsonDocument tensors = JsonDocument.Parse(bytes.AsMemory(8, header));
            int weight = tensors.RootElement.GetProperty("param.layers.0.1.to_q.weight").GetProperty("data_offsets")[0].GetInt32();

            // Half of one number more or less: the exponent's last bit.
            bytes[8 + header + weight + 2] ^= 0x80;
            File.WriteAllBytes(Path.Combine(folder, golden.File), bytes);
            var damaged = new GoldenVerifier(new GoldenManifest(new DirectoryInfo(folder), [golden]), device);
            Assert.AreEqual(CaseStatus.Failed, damaged.Verify(golden).Status);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    [DeviceRows]
    public void Every_case_of_the_named_folder_agrees_or_says_what_it_needs(string id)
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is not { Length: > 0 } folder)
            throw new AssertInconclusiveException($"Skipped: {FolderVariable} names no folder.");
        ComputeDevice device = TestDevices.Get(id);
        GoldenManifest manifest = GoldenManifest.Read(new DirectoryInfo(folder));
        CaseResult[] results = Run(manifest, manifest.Cases, device);
        AssertNoneFailed(results);
        Console.WriteLine(string.Join(", ", results.GroupBy(static r => r.Status).Select(static g => $"{g.Count()} {g.Key}")));
        Assert.IsTrue(results.Any(static r => r.Status == CaseStatus.Passed), "Nothing passed.");
    }

    private static CaseResult[] Run(GoldenManifest manifest, IEnumerable<GoldenCase> cases, ComputeDevice device)
    {
        var verifier = new GoldenVerifier(manifest, device);
        return [.. cases.Select(verifier.Verify)];
    }

    private static void AssertNoneFailed(CaseResult[] results)
    {
        string[] failed = [.. results.Where(static r => r.Status == CaseStatus.Failed).Select(static r => $"{r.Name}: {r.Message}")];
        Assert.IsEmpty(failed, string.Join("\n", failed));
    }
}
