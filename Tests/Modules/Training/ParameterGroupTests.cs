using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Training;

[TestClass]
public sealed class ParameterGroupTests
{
    private const double Rate = 0.125;

    [TestMethod]
    public void A_group_learns_at_its_own_rate()
    {
        (float[] weight, float[] bias) = Step([]);
        (float[] slowWeight, float[] fastBias) = Step([new ParameterGroup("weig*") { RateFactor = 0.5 }, new ParameterGroup("*") { RateFactor = 4 }]);
        AreMultiples(0.5f, weight, slowWeight);
        AreMultiples(4f, bias, fastBias);
    }

    [TestMethod]
    [DataRow("AdamW")]
    [DataRow("Sgd")]
    [DataRow("Lion")]
    public void A_group_decays_by_its_own_measure(string kind)
    {
        foreach (double factor in new[] { 1.0, 0.5, 0 })
        {
            using var model = new Linear(3, 2, TestDevices.Get("cpu"), bias: false);
            float[] before = model.Weight.ToArray();
            IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(model, groups: [new ParameterGroup("weight") { DecayFactor = factor }]);
            using Optimizer optimizer = kind switch
            {
                "AdamW" => new AdamW(parameters) { WeightDecay = 0.5 },
                "Sgd" => new Sgd(parameters) { WeightDecay = 0.5 },
                _ => new Lion(parameters) { WeightDecay = 0.5 },
            };
            using (StepScope step = model.Device.BeginStep())
            using (StepScope tape = model.Device.BeginTape())
                tape.Backward(Operators.Scale(model.Weight, 0), Tensor.Zeros(model.Device, [2, 3]));

            // The gradient is zero, so the parameter shrinks and does nothing else.
            optimizer.Step(Rate);
            AreMultiples((float)(1 - Rate * 0.5 * factor), before, model.Weight.ToArray());
            optimizer.ClearGradients();
        }
    }

    [TestMethod]
    public void A_group_of_nothing_is_a_mistake()
    {
        using var model = new Linear(3, 2, TestDevices.Get("cpu"));
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => TrainedParameter.Of(model, groups: [new ParameterGroup("wieght")])).Message, "wieght");
        Assert.ThrowsExactly<ArgumentException>(() => TrainedParameter.Of(model, groups: [new ParameterGroup("weight") { RateFactor = -1 }]));
        Assert.ThrowsExactly<ArgumentException>(() => TrainedParameter.Of(model, groups: [new ParameterGroup("weight") { DecayFactor = double.NaN }]));
        Assert.ThrowsExactly<ArgumentException>(() => TrainedParameter.Of(model, static name => name == "weight", [new ParameterGroup("weight")]));
    }

    /// <summary>What one step of gradient descent changes.</summary>
    private static (float[] Weight, float[] Bias) Step(ParameterGroup[] groups)
    {
        using var model = new Linear(3, 2, TestDevices.Get("cpu"));
        model.Weight.Write(new float[6]);
        model.Bias!.Write(new float[2]);
        using var trainer = new Trainer(
            model, new Sgd(TrainedParameter.Of(model, groups: groups)), new LearningRateSchedule { Peak = Rate, Decay = Decay.Constant });
        using Tensor x = Tensor.From(model.Device, [2, 3], [1f, -2, 3, 0.5f, 1, 2]), target = Tensor.From(model.Device, [2, 2], [1f, 2, 3, -4]);
        trainer.Step(() => Operators.MeanSquaredError(model.Forward(x), target));
        return (model.Weight.ToArray(), model.Bias.ToArray());
    }

    private static void AreMultiples(float factor, float[] expected, float[] actual)
    {
        Assert.IsTrue(expected.Any(static v => v != 0));
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(factor * expected[i], actual[i], 1e-6f);
    }
}
