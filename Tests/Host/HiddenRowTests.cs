using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Losses: what is left out of them contributes exactly nothing, whatever it holds, and what is out of question is no obstacle.</summary>
[TestClass]
public sealed class HiddenRowTests
{
    private const float Never = float.NegativeInfinity;

    private static readonly float[] s_junk = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 3e38f];

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void A_logit_of_minus_infinity_has_probability_zero(string id)
    {
        AssertLoss(id, [Never, 0f, 0f], 1, 0f, Math.Log(2), [0, -0.5, 0.5]);
        AssertLoss(id, [Never, Never, 7f], 2, 0f, 0, [0, 0, 0]);
        AssertLoss(id, [3e38f, 3e38f, 0f], 0, 0f, Math.Log(2), [-0.5, 0.5, 0]);
        AssertLoss(id, [3e38f, 3e38f, Never], 1, 0f, Math.Log(2), [0.5, -0.5, 0]);
        AssertLoss(id, [-3e38f, -3e38f, Never], 1, 0f, Math.Log(2), [0.5, -0.5, 0]);
        AssertLoss(id, [1e4f, 1e4f, 0f], 1, 0f, Math.Log(2), [0.5, -0.5, 0]);
        AssertLoss(id, [float.MaxValue, float.MaxValue, float.MaxValue], 0, 1f, Math.Log(3), [0, 0, 0]);
        AssertLoss(id, [2e38f, 2e38f, 2e38f], 0, 0.3f, Math.Log(3), [1 / 3.0 - 0.8, 1 / 3.0 - 0.1, 1 / 3.0 - 0.1]);
        AssertLoss(id, [0f, -3e38f, -3e38f], 0, 0.3f, 0.2 * 3e38, [0.2, -0.1, -0.1]);
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void A_target_that_cannot_be_costs_infinitely_much_and_has_a_gradient(string id)
    {
        AssertLoss(id, [0f, Never, 0f], 1, 0f, double.PositiveInfinity, [0.5, -1, 0.5]);
        AssertLoss(id, [Never, Never, Never], 1, 0f, double.PositiveInfinity, [0, -1, 0]);
        AssertLoss(id, [0f, 0f, Never], 1, 0.3f, double.PositiveInfinity, [0.4, -0.3, -0.1]);
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void A_logit_that_is_no_number_makes_no_number(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach (float[] logits in new float[][] { [float.NaN, 0f, 0f], [float.NaN, float.NaN, float.NaN], [Never, float.NaN, Never],
            [0f, 0f, float.PositiveInfinity] })
        {
            using StepScope step = device.BeginStep();
            float loss = Operators.SoftmaxCrossEntropy(Tensor.From(device, [1, 3], logits), Tensor.From(device, [1], [0])).ToArray()[0];
            Assert.IsTrue(float.IsNaN(loss) || float.IsPositiveInfinity(loss), $"[{string.Join(", ", logits)}]: {loss}");
        }
    }

    [TestMethod]
    [DeviceRows(DType.Float32, Simulator = true)]
    [DeviceRows(DType.BFloat16)]
    public void Ignored_rows_count_for_nothing_whatever_they_hold(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach (float smoothing in new[] { 0f, 0.1f })
        {
            AssertUnmoved(device, junk =>
            {
                Tensor logits = Leaf(device, dtype, junk);
                return (logits, Operators.SoftmaxCrossEntropy(logits, Tensor.From(device, [3], [4, -100, 7]), labelSmoothing: smoothing));
            });
        }
    }

    [TestMethod]
    [DeviceRows(DType.Float32, Simulator = true)]
    [DeviceRows(DType.BFloat16)]
    public void Masked_rows_of_a_squared_error_count_for_nothing_whatever_they_hold(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);
        AssertUnmoved(device, junk =>
        {
            Tensor prediction = Leaf(device, dtype, junk), target = Tensor.From(device, [3, 20], new float[60], dtype);
            return (prediction, Operators.MeanSquaredError(prediction, target, Tensor.From(device, [3], [true, false, true])));
        });
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Masked_rows_are_zero_whatever_they_hold(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach (float junk in s_junk)
        {
            using StepScope step = device.BeginStep();
            Tensor x = Tensor.From(device, [3, 20], Rows(3, 20, 1, junk)), mask = Tensor.From(device, [3], [true, false, true]);
            x.RequiresGradient = true;
            using StepScope tape = device.BeginTape();
            Tensor y = Operators.MaskRows(x, mask);
            tape.Backward(y, Tensor.From(device, [3, 20], Rows(3, 20, 1, junk)));
            Assert.IsTrue(y.ToArray().AsSpan(20, 20).SequenceEqual(new float[20]));
            Assert.IsTrue(x.Gradient!.ToArray().AsSpan(20, 20).SequenceEqual(new float[20]));
            CollectionAssert.AreEqual(Rows(3, 20, 1, 0f), y.ToArray());
        }
    }

    private static void AssertLoss(string id, float[] logits, int target, float smoothing, double loss, double[] gradient)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [1, logits.Length], logits);
        x.RequiresGradient = true;
        using StepScope tape = device.BeginTape();
        Tensor result = Operators.SoftmaxCrossEntropy(x, Tensor.From(device, [1], [target]), labelSmoothing: smoothing);
        tape.Backward(result);
        string what = $"[{string.Join(", ", logits)}] → {target}, smoothing {smoothing}";
        float actual = result.ToArray()[0];
        if (double.IsFinite(loss))
            Assert.AreEqual(loss, actual, 1e-6 * Math.Max(1, loss), what);
        else
            Assert.AreEqual(loss, actual, what);
        float[] slopes = x.Gradient!.ToArray();
        for (int i = 0; i < slopes.Length; i++)
            Assert.AreEqual(gradient[i], slopes[i], 1e-6, $"{what}: gradient {i}");
    }

    // The same bits with junk as with zeros.
    private static void AssertUnmoved(ComputeDevice device, Func<float, (Tensor Input, Tensor Loss)> run)
    {
        (float Loss, float[] Gradient) Run(float junk)
        {
            using StepScope step = device.BeginStep();
            using StepScope tape = device.BeginTape();
            (Tensor input, Tensor loss) = run(junk);
            tape.Backward(loss);
            return (loss.ToArray()[0], input.Gradient!.ToArray());
        }

        (float expected, float[] clean) = Run(0f);
        Assert.IsTrue(clean.All(float.IsFinite) && clean.Any(static slope => slope != 0f));
        foreach (float junk in s_junk)
        {
            (float loss, float[] gradient) = Run(junk);
            Assert.AreEqual(expected, loss, $"with {junk}");
            CollectionAssert.AreEqual(clean, gradient, $"with {junk}");
        }
    }

    private static Tensor Leaf(ComputeDevice device, DType dtype, float junk)
    {
        Tensor leaf = Tensor.From(device, [3, 20], Rows(3, 20, 1, junk), dtype);
        leaf.RequiresGradient = true;
        return leaf;
    }

    private static float[] Rows(int rows, int dim, int hidden, float junk)
        => [.. Enumerable.Range(0, rows * dim).Select(i => i / dim == hidden ? junk : MathF.Round(MathF.Sin(i), 2))];
}
