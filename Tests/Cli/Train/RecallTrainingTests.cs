using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Cli.Train.Recall;
using GpuTransformer.Host;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class RecallTrainingTests
{
    private static readonly string[] s_small =
    [
        "--keys", "12", "--values", "4", "--pairs", "6", "--context-dim", "40", "--dim", "24", "--heads", "2", "--dim-head", "16", "--batch-size", "32",
        "--evaluation-contexts", "20",
        "--learning-rate", "0.005",
    ];

    [TestMethod]
    public async Task It_learns_to_be_exact_and_padding_changes_no_bit()
    {
        using var folder = new TrainingFolder();
        JsonElement report = await folder.Train("recall", "run", [.. s_small, "--steps", "250"]);
        Assert.AreEqual(0, report.GetProperty("wrong_answers").GetInt32());
        Assert.AreEqual(120, report.GetProperty("answers").GetInt32());
        Assert.AreEqual(0, report.GetProperty("padding_changes_bits").GetInt32());
        Assert.AreEqual(0.0, report.GetProperty("padding_max_difference").GetDouble());
    }

    [TestMethod]
    public async Task Wrong_answers_are_counted_and_are_no_success()
    {
        using var folder = new TrainingFolder();
        (await folder.Run("recall", "run", [.. s_small, "--steps", "1"])).Exits(ExitCode.Mismatch);
        Assert.IsInRange(50, 120, folder.Report("run").GetProperty("wrong_answers").GetInt32());
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_key_that_is_not_hidden_changes_the_scores(bool hidden)
    {
        var settings = new RecallSettings { Keys = 12, Pairs = 6, BatchSize = 2 };
        using ComputeDevice device = ComputeDevice.Create("cpu");
        using StepScope scope = device.BeginStep();
        using var model = new RecallModel(settings, new GpuTransformer.Modules.ParameterInitializer(device, 1));
        RecallBatch batch = RecallBatch.Draw(settings, 0, 2);
        float[] scores = batch.Ask(model).ToArray(), padded = batch.AskPadded(model, settings, 5, hidden).ToArray();
        Assert.AreEqual(hidden, scores.SequenceEqual(padded));
    }

    [TestMethod]
    public void Every_key_of_a_context_is_asked_for_once()
    {
        RecallBatch batch = RecallBatch.Draw(new RecallSettings { Keys = 12, Pairs = 6 }, 5, 3);
        for (int context = 0; context < 3; context++)
        {
            int[] keys = batch.Keys[(context * 6)..(context * 6 + 6)], asked = batch.Asked[(context * 6)..(context * 6 + 6)];
            Assert.HasCount(6, keys.Distinct());
            CollectionAssert.AreEquivalent(keys, asked);
            for (int i = 0; i < 6; i++)
                Assert.AreEqual(batch.Values[context * 6 + Array.IndexOf(keys, asked[i])], batch.Answers[context * 6 + i]);
        }
    }
}
