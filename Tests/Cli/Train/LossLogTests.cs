using GpuTransformer.Cli.Train;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class LossLogTests
{
    [TestMethod]
    [DataRow("4,0.5,1,0.1,3.0")]
    [DataRow("4,0.5,1,0")]
    [DataRow("4")]
    [DataRow("")]
    public void A_resumed_run_drops_the_rows_that_its_checkpoint_does_not_know(string last)
    {
        using var folder = new TrainingFolder();
        string path = folder.Write(
            "loss.csv", $"step,loss,gradient_norm,learning_rate,milliseconds\n0,4,1,0.1,3.0\n1,3,1,0.1,3.0\n2,2,1,0.1,3.0\n3,1,1,0.1,3.0\n{last}");
        using (LossLog log = LossLog.Open(path, nextStep: 3))
        {
            Assert.AreEqual(2.0, log.LastLoss);
            log.Add(new StepResult(3, 1.5, 1, 0.1, false, 1, TimeSpan.FromMilliseconds(2), 0));
            Assert.HasCount(4, log.Points);
        }

        string[] rows = File.ReadAllLines(path);
        CollectionAssert.AreEqual(new[] { "step", "0", "1", "2", "3" }, rows.Select(static r => r.Split(',')[0]).ToArray());
        Assert.AreEqual("3,1.5,1,0.1,2.000", rows[^1]);
    }

    [TestMethod]
    public void A_new_run_begins_a_new_file()
    {
        using var folder = new TrainingFolder();
        string path = folder.Write("loss.csv", "step,loss,gradient_norm,learning_rate,milliseconds\n0,4,1,0.1,3.0\n");
        using (LossLog log = LossLog.Open(path, nextStep: 0))
            Assert.IsTrue(double.IsNaN(log.LastLoss));
        Assert.HasCount(1, File.ReadAllLines(path));
    }
}
