using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Training;

[TestClass]
public sealed class LearningRateScheduleTests
{
    [TestMethod]
    public void Cosine_rises_to_the_peak_and_falls_to_the_final_rate()
    {
        var schedule = new LearningRateSchedule { Peak = 1, WarmUpSteps = 3, TotalSteps = 13, Final = 0.2 };
        Assert.AreEqual(0.25, schedule.At(0), 1e-12);
        Assert.AreEqual(0.75, schedule.At(2), 1e-12);
        Assert.AreEqual(1.0, schedule.At(3), 1e-12);
        Assert.AreEqual(0.6, schedule.At(8), 1e-12);
        Assert.AreEqual(0.2, schedule.At(13), 1e-12);
        Assert.AreEqual(0.2, schedule.At(1000), 1e-12);
    }

    [TestMethod]
    public void Linear_and_constant_do_what_they_say()
    {
        var linear = new LearningRateSchedule { Peak = 2, TotalSteps = 10, Decay = Decay.Linear };
        Assert.AreEqual(2.0, linear.At(0), 1e-12);
        Assert.AreEqual(1.0, linear.At(5), 1e-12);
        Assert.AreEqual(0.0, linear.At(10), 1e-12);
        Assert.AreEqual(2.0, (linear with { Decay = Decay.Constant }).At(9), 1e-12);
    }

    [TestMethod]
    [DataRow(1.0, 10, 10, 0.0, "WarmUpSteps = 10 and TotalSteps = 10")]
    [DataRow(1.0, 0, 10, 2.0, "Peak = 1 and Final = 2")]
    [DataRow(1.0, 0, 0, 0.0, "WarmUpSteps = 0 and TotalSteps = 0")]
    public void A_schedule_that_contradicts_itself_is_refused(double peak, int warmUp, int total, double final, string message)
    {
        var schedule = new LearningRateSchedule { Peak = peak, WarmUpSteps = warmUp, TotalSteps = total, Final = final };
        Assert.Contains(message, Assert.ThrowsExactly<InvalidOperationException>(() => schedule.At(0)).Message);
    }
}
