using System.Text.Json;
using GpuTransformer.Cli.Verification;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>Models of the repository's golden cases, for tests of more than their first output.</summary>
internal static class GoldenModels
{
    private static readonly GoldenManifest s_manifest = GoldenManifest.Read(new DirectoryInfo(RepositoryFiles.PathOf("Tests", "Goldens")));

    /// <summary>The model of a case with its parameters, and the file, which the caller disposes.</summary>
    public static (Module Model, SafetensorsReader File) Load(ComputeDevice device, string name)
    {
        GoldenCase golden = s_manifest.Cases.First(c => c.Name == name);
        var description = new Dictionary<string, object?> { ["class"] = golden.Class, ["kwargs"] = golden.Kwargs, ["ctor_args"] = golden.CtorArgs };
        Module model = ModuleFactory.Create(JsonSerializer.SerializeToElement(description), device);
        SafetensorsReader file = SafetensorsReader.Open(Path.Combine(s_manifest.Folder.FullName, golden.File));
        model.LoadStateDict(file, "param.");
        return (model, file);
    }
}
