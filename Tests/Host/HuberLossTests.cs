using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>What the cases of the Huber loss cannot see.</summary>
[TestClass]
public sealed class HuberLossTests
{
    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    public void It_is_half_the_square_inside_and_a_line_outside()
    {
        using StepScope step = Cpu.BeginStep();
        Tensor prediction = Tensor.From(Cpu, [1, 4], [0.5f, -1f, 3f, -5f]), target = Tensor.Zeros(Cpu, [1, 4]);

        // 0.125, 0.5, 2 (3 − 1), 2 (5 − 1).
        Assert.AreEqual((0.125f + 0.5f + 4f + 8f) / 4f, Operators.HuberLoss(prediction, target, 2f).ToArray()[0], 1e-6f);
        Assert.AreEqual(Operators.MeanSquaredError(prediction, target).ToArray()[0] / 2f, Operators.HuberLoss(prediction, target, 100f).ToArray()[0], 1e-6f);
    }

    [TestMethod]
    [DataRow(0f)]
    [DataRow(-1f)]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    public void Delta_is_a_positive_number(float delta)
    {
        using StepScope step = Cpu.BeginStep();
        Tensor x = Tensor.Zeros(Cpu, [1, 4]);
        long launches = Cpu.Statistics.Launches;
        Assert.Contains($"'delta' is {delta}", Assert.ThrowsExactly<ArgumentException>(() => Operators.HuberLoss(x, x, delta)).Message);
        Assert.AreEqual(launches, Cpu.Statistics.Launches);
    }
}
