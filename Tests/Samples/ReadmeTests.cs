using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests.Samples;

/// <summary>README's example compiles, runs and gives x-transformers' numbers; its commands are the ones that CI runs.</summary>
[TestClass]
public sealed class ReadmeTests
{
    [TestMethod]
    public void The_example_is_in_the_README_word_for_word()
    {
        string readme = Text("README.md"), sample = Text("Tests", "Samples", "SeedModelSample.cs");
        string[] lines = sample[(sample.IndexOf("// <readme>\n", StringComparison.Ordinal) + 12)..sample.IndexOf("        // </readme>",
            StringComparison.Ordinal)].Split('\n');
        string body = string.Join('\n', lines.Select(static line => line.Length >= 8 ? line[8..] : line)).TrimEnd();
        Assert.Contains($"```csharp\nusing GpuTransformer.Host;\nusing GpuTransformer.Modules;\n\n{body}\n```", readme);
    }

    [TestMethod]
    public void The_example_gives_the_numbers_of_x_transformers()
    {
        string before = Directory.GetCurrentDirectory();
        Directory.SetCurrentDirectory(RepositoryFiles.Root);
        try
        {
            float[] actual = SeedModelSample.Run();
            using SafetensorsReader file = SafetensorsReader.Open("Tests/Goldens/seed_example_bf16.safetensors");
            Comparison comparison = NumericalRule.Compare("output", actual, file.ReadDoubles("output_f64"), file.ReadDoubles("output"), DType.Float32,
                isGradient: false);
            Assert.IsTrue(comparison.Passed, $"{comparison.Error:g3} exceeds {comparison.Limit:g3}");
        }
        finally
        {
            Directory.SetCurrentDirectory(before);
        }
    }

    [TestMethod]
    [DataRow("main_job")]
    [DataRow("test_command")]
    public void The_commands_are_what_CI_runs(string variable)
    {
        string line = Text(".ci", "run").Split('\n').Single(l => l.StartsWith(variable + "=", StringComparison.Ordinal));
        string command = line[(variable.Length + 1)..].Trim('\'');
        Assert.Contains(command, Text("README.md").Split('\n'));
    }

    [TestMethod]
    public void Links_in_the_documents_lead_somewhere()
    {
        string[] documents = ["README.md", "CONTRIBUTING.md",
            .. Directory.GetFiles(RepositoryFiles.PathOf("docs"), "*.md").Select(static f => $"docs/{Path.GetFileName(f)}")];
        string[] broken =
        [
            .. from document in documents
               from System.Text.RegularExpressions.Match link in System.Text.RegularExpressions.Regex.Matches(Text(document),
                   @"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")
               let target = Path.Combine(RepositoryFiles.Root, Path.GetDirectoryName(document)!, link.Groups[1].Value)
               where !Path.Exists(target)
               select $"{document}: {link.Groups[1].Value}",
        ];
        Assert.IsEmpty(broken, string.Join("; ", broken));
    }

    private static string Text(params ReadOnlySpan<string> parts) => File.ReadAllText(RepositoryFiles.PathOf(parts)).ReplaceLineEndings("\n");
}
