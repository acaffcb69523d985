using System.Text.RegularExpressions;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Samples;

/// <summary>What the documents say to write compiles and runs. What they say to type into a shell is run by <c>tools/check-packages.sh</c>.</summary>
[TestClass]
public sealed partial class RecipeTests
{
    private static readonly string[] s_documents = ["README.md", "docs/training.md", "docs/modules.md", "docs/algebra.md", "docs/extending.md", "docs/gpu.md",
        "docs/packages/GpuTransformer.md", "tools/samples/README.md"];

    private string _before = string.Empty, _folder = string.Empty;

    [TestInitialize]
    public void WorkInAFolderOfItsOwn()
    {
        _before = Directory.GetCurrentDirectory();
        _folder = Directory.CreateTempSubdirectory("recipes").FullName;
        Directory.SetCurrentDirectory(_folder);
    }

    [TestCleanup]
    public void LeaveIt()
    {
        Directory.SetCurrentDirectory(_before);
        Directory.Delete(_folder, recursive: true);
    }

    [TestMethod]
    public void Every_block_of_Csharp_in_the_documents_is_compiled_code()
    {
        HashSet<string> compiled = [.. RepositoryFiles.Sources("Tests/Samples").SelectMany(static file => Regions(Text(file)))];
        string[] loose =
        [
            .. from document in s_documents
               from Match block in Block().Matches(Text(document))
               where !compiled.Contains(Usings().Replace(block.Groups[1].Value, string.Empty).Trim())
               select $"{document}: {block.Groups[1].Value}",
        ];
        Assert.IsEmpty(loose, string.Join("\n", loose));
        Assert.IsGreaterThanOrEqualTo(8, s_documents.Sum(static d => Block().Count(Text(d))));
    }

    [TestMethod]
    [DeviceRows]
    public void Data_goes_in_and_comes_out(string id)
    {
        (float[] doubled, long[] ids) = DocumentRecipes.Data(TestDevices.Get(id));
        CollectionAssert.AreEqual(new[] { 2f, 4f, 6f, 8f, 10f, 12f }, doubled);
        CollectionAssert.AreEqual(new[] { 7L, 0L, 2L, 2L }, ids);
    }

    [TestMethod]
    [DeviceRows]
    public void The_algebra_finds_the_nearest_keys(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Tensor queries = Tensor.From(device, [1, 2, 2], [1f, 0f, 0f, -1f]);
        using Tensor keys = Tensor.From(device, [1, 5, 2], [3f, 1f, 1f, -5f, 2f, 0f, -1f, -2f, 0f, 4f]);
        using Tensor places = DocumentRecipes.Algebra(device, queries, keys);
        CollectionAssert.AreEqual(new long[] { 0, 2, 1, 4, 1, 3, 2, 0 }, places.ToInt64Array());
    }

    [TestMethod]
    public void Models_are_trained_with_the_trainer_and_without()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Encoder(new AttentionLayersOptions { Dim = 16, Depth = 1, Heads = 2, CrossAttend = true, CrossAttn = new() { DimContext = 8 } },
            device);
        using Tensor x = Tensor.From(device, [1, 3, 16], GradientCheck.Values(48, 1)), context = Tensor.From(device, [1, 2, 8], GradientCheck.Values(16, 2));
        DocumentRecipes.Training(model, x, context, x);
        Assert.IsTrue(File.Exists("run.safetensors"));
        float[] before = model.NamedParameters().First().Value.ToArray();
        DocumentRecipes.WithoutTrainer(device, model, x, context, x);
        CollectionAssert.AreNotEqual(before, model.NamedParameters().First().Value.ToArray());
    }

    [TestMethod]
    public void The_training_program_trains()
    {
        DocumentRecipes.TrainingProgram();
        Assert.IsTrue(File.Exists("run.safetensors"));
    }

    [TestMethod]
    public void Models_compute_in_two_bytes_write_text_and_are_derived_from()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Assert.AreEqual(DType.BFloat16, DocumentRecipes.MixedPrecision(device, new AttentionLayersOptions { Dim = 16, Depth = 1, Heads = 2 }));
        Shape written = DocumentRecipes.WholeModel(device, Tensor.From(device, [2, 9], [.. Enumerable.Range(0, 18)]), Tensor.From(device, [1, 3], [1, 2, 3]));
        Shape one = [1, 64], scores = [1, 4, 3];
        Assert.AreEqual(one, written);
        using var classifier = new Classifier(5, 3, new ParameterInitializer(device, 1));
        Assert.AreEqual(scores, classifier.Forward(Tensor.Zeros(device, [1, 4, 5])).Shape);
        DocumentRecipes.Groups(classifier);
    }

    [TestMethod]
    [DeviceRows]
    public void What_users_may_add_runs(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        CollectionAssert.AreEqual(new[] { 1f, 4f, 9f }, ExtendingRecipes.Square(device, Tensor.From(device, [3], [1f, -2f, 3f])).ToArray());
        GradientCheck.Agrees(device, static t => new ExtendingRecipes.Cube().Apply(t[0]), ([2, 3], GradientCheck.Values(6, 1)));
        TextWriter before = Console.Out;
        using var output = new StringWriter();
        Console.SetOut(output);
        double loss;
        try
        {
            loss = ExtendingRecipes.Train(device, Tensor.From(device, [1, 4], [1, 2, 3, 4]), Tensor.From(device, [1, 4], [2, 3, 4, 5]));
        }
        finally
        {
            Console.SetOut(before);
        }

        Assert.IsTrue(double.IsFinite(loss) && loss > 0);
        Assert.Contains("step 0, rate 0.05", output.ToString());
        Assert.Contains("largest logit", output.ToString());
    }

    [TestMethod]
    public void The_package_README_stands_alone()
    {
        DocumentRecipes.Package();
        foreach (string document in new[] { "docs/packages/GpuTransformer.md", "docs/packages/GpuTransformer.Cli.md" })
            Assert.IsFalse(RelativeLink().IsMatch(Text(document)), $"{document} is read where no other file is: its links must be whole.");
    }

    // What is between the markers, less the indentation of the first.
    private static IEnumerable<string> Regions(string source)
        => from Match region in Region().Matches(source)
           let indent = region.Groups[1].Value
           select string.Join('\n',
               region.Groups[2].Value.Split('\n').Select(line => line.StartsWith(indent, StringComparison.Ordinal) ? line[indent.Length..] : line)).Trim();

    private static string Text(string path) => File.ReadAllText(RepositoryFiles.PathOf(path.Split('/'))).ReplaceLineEndings("\n");

    [GeneratedRegex("^```csharp\n(.*?)^```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();

    [GeneratedRegex("^( *)// <(?:recipe|readme)>\n(.*?)^ *// </(?:recipe|readme)>$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Region();

    [GeneratedRegex("^using [A-Za-z.]+;\n", RegexOptions.Multiline)]
    private static partial Regex Usings();

    [GeneratedRegex(@"\]\((?!https?:)")]
    private static partial Regex RelativeLink();
}
