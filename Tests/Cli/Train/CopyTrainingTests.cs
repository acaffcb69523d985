using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Cli.Train.Copy;
using GpuTransformer.Host;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class CopyTrainingTests
{
    private static readonly string[] s_small =
    [
        "--symbols", "4", "--source-length", "5", "--encoder-dim", "32", "--decoder-dim", "24", "--heads", "2", "--dim-head", "16", "--decoder-depth", "1",
        "--batch-size", "32",
        "--evaluation-sequences", "40", "--learning-rate", "0.005",
    ];

    [TestMethod]
    [DataRow("same")]
    [DataRow("permuted")]
    public async Task It_learns_to_make_no_error(string order)
    {
        using var folder = new TrainingFolder();
        JsonElement report = await folder.Train("copy", "run", [.. s_small, "--steps", "250", "--order", order]);
        Assert.AreEqual(0, report.GetProperty("wrong_symbols").GetInt32());
        Assert.AreEqual(200, report.GetProperty("symbols").GetInt32());
    }

    [TestMethod]
    public async Task Errors_are_counted_and_are_no_success()
    {
        using var folder = new TrainingFolder();
        (await folder.Run("copy", "run", [.. s_small, "--steps", "1"])).Exits(ExitCode.Mismatch);
        int wrong = folder.Report("run").GetProperty("wrong_symbols").GetInt32();

        // Guessing is wrong three times in four.
        Assert.IsInRange(100, 200, wrong);
    }

    [TestMethod]
    [DataRow("Same")]
    [DataRow("Reversed")]
    [DataRow("Permuted")]
    public void The_target_is_the_source_in_the_order_asked_for(string name)
    {
        CopyOrder order = Enum.Parse<CopyOrder>(name);
        var settings = new CopySettings { Symbols = 100, SourceLength = 8, Order = order };
        using ComputeDevice device = ComputeDevice.Create("cpu");
        using var task = new CopyTask(settings, device);
        (int[] source, int[] target) = task.Draw(step: 3, count: 1);
        CollectionAssert.AreEquivalent(source, target);
        Assert.AreEqual(order == CopyOrder.Same, source.SequenceEqual(target));
        Assert.AreEqual(order == CopyOrder.Reversed, source.Reverse().SequenceEqual(target));
    }
}
