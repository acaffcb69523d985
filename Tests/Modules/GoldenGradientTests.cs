using System.Text.Json;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Verification;
using GpuTransformer.Host;

namespace GpuTransformer.Tests.Modules;

/// <summary>Gradients of inputs and parameters against PyTorch's, through the same code as <c>gpu-transformer verify --gradients</c>.</summary>
[TestClass]
public sealed class GoldenGradientTests
{
    private static readonly GoldenManifest s_manifest = GoldenManifest.Read(new DirectoryInfo(RepositoryFiles.PathOf("Tests", "Goldens")));

    [TestMethod]
    [DeviceRows]
    public void Gradients_of_inputs_and_parameters_are_pytorchs(string id)
    {
        var verifier = new GoldenVerifier(s_manifest, TestDevices.Get(id), gradients: true);
        CaseResult[] results = [.. s_manifest.Cases.Where(golden => IsFor(golden, id)).Select(verifier.Verify)];
        string[] failed = [.. results.Where(static r => r.Status == CaseStatus.Failed).Select(static r => $"{r.Name}: {r.Message}")];
        Assert.IsEmpty(failed, string.Join('\n', failed));
        Assert.IsGreaterThan(80, results.Count(static r => r.Status == CaseStatus.Passed));
    }

    // An input's, a parameter's, and one that is zero because a query sees one key.
    [TestMethod]
    [DataRow("enc_cross__both", "grad.input.x"), DataRow("enc_cross__both", "grad.param.layers.0.1.to_q.weight"),
        DataRow("enc_plain__seq1", "grad.param.layers.0.1.to_k.weight")]
    public void A_wrong_gradient_is_noticed(string name, string tensor)
    {
        string folder = Directory.CreateTempSubdirectory("goldens").FullName;
        try
        {
            GoldenCase golden = s_manifest.Cases.First(c => c.Name == name) with { Sha256 = null };
            byte[] bytes = File.ReadAllBytes(Path.Combine(s_manifest.Folder.FullName, golden.File));
            int header = BitConverter.ToInt32(bytes);
            using JsonDocument tensors = JsonDocument.Parse(bytes.AsMemory(8, header));
            int first = 8 + header + tensors.RootElement.GetProperty(tensor).GetProperty("data_offsets")[0].GetInt32();
            BitConverter.TryWriteBytes(bytes.AsSpan(first), BitConverter.ToSingle(bytes, first) + 1e-5f);
            File.WriteAllBytes(Path.Combine(folder, golden.File), bytes);
            var damaged = new GoldenVerifier(new GoldenManifest(new DirectoryInfo(folder), [golden]), TestDevices.Get("cpu"), gradients: true);
            Assert.AreEqual(CaseStatus.Failed, damaged.Verify(golden).Status);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // A GPU compiles a kernel for each storage type, width and set of rules; the stacks, which are float32 with narrow heads, need six for attention.
    // Everything else there is in the operators' own sweep.
    private static bool IsFor(GoldenCase golden, string id) => id == "cpu" || (golden.Class != SdpaGolden.ClassName && golden.Family != "seed");
}
