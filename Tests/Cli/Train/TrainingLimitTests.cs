using System.Globalization;
using GpuTransformer.Cli.Train;
using GpuTransformer.Cli.Train.Recall;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class TrainingLimitTests
{
    private static readonly RecallSettings s_settings = new() { Steps = 100, WarmUpSteps = 50, LearningRate = 0.5 };

    [TestMethod]
    public void Without_minutes_the_steps_count()
    {
        var limit = new TrainingLimit(s_settings) { Spent = TimeSpan.FromDays(1) };
        Assert.IsFalse(limit.IsReached(99));
        Assert.IsTrue(limit.IsReached(100));
        Assert.AreEqual(0.25, limit.Share(25));
        Assert.AreEqual("100", limit.Whole());
        Assert.AreEqual(TimeSpan.FromSeconds(20), limit.Left(90, TimeSpan.FromSeconds(2)));
        Assert.AreEqual(new LearningRateSchedule { Peak = 0.5, WarmUpSteps = 10, TotalSteps = 100 }, limit.Schedule());
    }

    [TestMethod]
    public void With_minutes_the_time_of_the_steps_counts()
    {
        var limit = new TrainingLimit(s_settings with { Minutes = 2.5 });
        ILearningRateSchedule schedule = limit.Schedule();
        Assert.AreEqual("2.5 minutes", limit.Whole());
        Assert.AreEqual(0.5 / 51, schedule.At(0), 1e-12);
        Assert.IsFalse(limit.IsReached(1_000_000));

        limit.Spent = TimeSpan.FromSeconds(75);
        Assert.AreEqual(0.25, schedule.At(60), 1e-12);
        Assert.AreEqual(0.25, schedule.At(3), 1e-12, "The warm-up takes a tenth of the time at most.");
        Assert.AreEqual(0.5, limit.Share(60));
        Assert.AreEqual(TimeSpan.FromSeconds(75), limit.Left(60, TimeSpan.FromDays(1)));

        limit.Spent = TimeSpan.FromSeconds(149);
        Assert.IsFalse(limit.IsReached(1));
        Assert.IsInRange(1e-6, 1e-4, schedule.At(60));
        limit.Spent = TimeSpan.FromSeconds(150);
        Assert.IsTrue(limit.IsReached(1));
    }

    [TestMethod]
    public async Task A_run_of_minutes_ends_by_the_clock_and_goes_on_when_it_is_given_more()
    {
        using var folder = new TrainingFolder();
        (await folder.Run("recall", "run", "--batch-size", "2", "--evaluation-contexts", "2", "--pairs", "2", "--steps", "1", "--minutes", "0.0001"))
            .Says("0.0001 minutes");
        long first = Steps();
        Assert.IsGreaterThan(0, first);
        (await folder.Run("recall", "run", "--resume")).Says($"Resumed at step {first} of 0.0001 minutes.");
        Assert.AreEqual(first, Steps(), "Its time is used up.");

        // The time of the steps before counts, so that a little more than that is a little more.
        double spent = File.ReadAllLines(folder["run", "loss.csv"]).Skip(1).Sum(static r => double.Parse(r.Split(',')[4], CultureInfo.InvariantCulture));
        string more = ((spent + 1) / 60_000).ToString(CultureInfo.InvariantCulture);
        await folder.Run("recall", "run", "--resume", "--minutes", more);
        Assert.IsGreaterThan(first, Steps(), "Steps are no limit beside minutes.");

        long Steps() => folder.Report("run").GetProperty("steps").GetInt64();
    }
}
