using System.Text.Json;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>Every golden case of a folder: passes, is unsupported, or differs by design; none may do anything else.</summary>
[TestClass]
public sealed class GoldenFolderTests
{
    /// <summary>The folder with manifest.json; x-transformers' own results.</summary>
    public const string FolderVariable = "GPUTRANSFORMER_GOLDENS";

    [TestMethod, DeviceRows]
    public void EveryCasePassesOrSaysWhyNot(string id)
    {
        string? folder = Environment.GetEnvironmentVariable(FolderVariable);
        if (folder is null)
            Assert.Inconclusive($"Skipped: {FolderVariable} names no folder.");
        ComputeDevice device = TestDevices.Get(id);
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        var failures = new List<string>();
        var counts = new SortedDictionary<string, int>();
        foreach (JsonElement description in manifest.RootElement.GetProperty("cases").EnumerateArray())
        {
            (string status, string message) = Run(folder, description, device);
            string family = description.GetProperty("family").GetString()!;
            counts[$"{family} {status}"] = counts.GetValueOrDefault($"{family} {status}") + 1;
            if (status == "failed")
                failures.Add($"{description.GetProperty("name").GetString()}: {message}");
        }

        foreach ((string key, int count) in counts)
            Console.WriteLine($"{key}: {count}");
        Assert.IsEmpty(failures, string.Join('\n', failures));
    }

    private static (string Status, string Message) Run(string folder, JsonElement description, ComputeDevice device)
    {
        try
        {
            using SafetensorsReader tensors = SafetensorsReader.Open(Path.Combine(folder, description.GetProperty("file").GetString()!));
            using StepScope step = device.BeginStep();
            Tensor output = GoldenCase.Run(description, tensors, device);
            double[] exact = tensors.ReadDoubles("output_f64");
            double[]? plain = tensors.Contains("output") ? tensors.ReadDoubles("output") : null;
            if (plain is null)
            {
                plain = (double[])exact.Clone();
                foreach (JsonProperty measured in description.GetProperty("accuracy").EnumerateObject())
                {
                    if (measured.Name.StartsWith("torch_", StringComparison.Ordinal) && !measured.Name.Contains("f64_vs", StringComparison.Ordinal))
                        plain[0] += measured.Value.GetProperty("output").GetDouble();
                }
            }

            Comparison comparison = NumericalRule.Compare("output", output.ToArray(), exact, plain, output.DType, isGradient: false);
            DeliberateDifference? difference = DeliberateDifferences.Find(description, tensors);
            if (difference is not null)
                return comparison.Passed ? ("failed", $"agrees, although it should differ: {difference.Name}") : ("differs", difference.Reason);
            return comparison.Passed ? ("passed", string.Empty) : ("failed", $"error {comparison.Error:g3}, limit {comparison.Limit:g3}");
        }
        catch (UnsupportedOptionException exception)
        {
            return ("unsupported", exception.Message);
        }
        catch (Exception exception) when (exception is ArgumentException or CheckpointException or InvalidOperationException)
        {
            return ("failed", exception.Message.Split('\n')[0] + exception.StackTrace!.Split('\n')[0]);
        }
    }
}
