using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

[TestClass]
public sealed class LinearTests
{
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Bias_activation_mask_and_residual_come_in_this_order(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor input = Tensor.From(device, [1, 3, 2], [1f, 2f, 3f, 4f, 5f, 6f]), weight = Tensor.From(device, [2, 2], [1f, 0f, 0f, -1f]);
        Tensor bias = Tensor.From(device, [2], [10f, 3f]), residual = Tensor.From(device, [1, 3, 2], [1f, 2f, 3f, 4f, 5f, 6f]);
        Tensor output = Operators.Linear(input, weight, bias, Activation.Relu, residual, Tensor.From(device, [1, 3], [true, false, true]));
        Assert.AreEqual(new Shape(1, 3, 2), output.Shape);
        CollectionAssert.AreEqual(new[] { 12f, 3f, 3f, 4f, 20f, 6f }, output.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void What_does_not_fit_is_said_with_both_shapes(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor input = Tensor.Zeros(device, [2, 5, 8]), weight = Tensor.Zeros(device, [4, 8]);
        long launches = device.Statistics.Launches;
        AssertWrong("'input' has shape [2, 5, 8]", "[4, 16]", () => Operators.Linear(input, Tensor.Zeros(device, [4, 16])));
        AssertWrong("'weight' has shape [8]", "[out, in]", () => Operators.Linear(input, Tensor.Zeros(device, [8])));
        AssertWrong("'bias' has shape [8]", "[4]", () => Operators.Linear(input, weight, Tensor.Zeros(device, [8])));
        AssertWrong("'residual' has shape [2, 5, 8]", "[2, 5, 4]", () => Operators.Linear(input, weight, residual: input));
        AssertWrong("'rowMask' has shape [5]", "10 rows", () => Operators.Linear(input, weight, rowMask: Tensor.Zeros(device, [5], DType.Bool)));
        AssertWrong("'rowMask' holds Float32", "Bool", () => Operators.Linear(input, weight, rowMask: Tensor.Zeros(device, [2, 5])));
        AssertWrong("'weight' holds BFloat16", "Float32", () => Operators.Linear(input, Tensor.Zeros(device, [4, 8], DType.BFloat16)));
        AssertWrong("'activation' is 99", "Gelu", () => Operators.Linear(input, weight, activation: (Activation)99));
        AssertWrong("'input' has shape []", "[4, 8]", () => Operators.Linear(Tensor.Zeros(device, []), weight));
        Assert.AreEqual(launches, device.Statistics.Launches);
    }

    [TestMethod]
    [DeviceRows]
    public void Gradients_reach_input_weight_bias_and_residual(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var random = new Random(11);
        (int rows, int outputs, int inputs) = (6, 5, 7);
        Tensor x = MatrixMultiplyTests.Leaf(device, random, [2, 3, inputs]), w = MatrixMultiplyTests.Leaf(device, random, [outputs, inputs]);
        Tensor b = MatrixMultiplyTests.Leaf(device, random, [outputs]), r = MatrixMultiplyTests.Leaf(device, random, [2, 3, outputs]);
        bool[] mask = [true, true, false, true, false, true];
        float[] d = MatrixMultiplyTests.Values(random, rows * outputs), xs = x.ToArray(), ws = w.ToArray();
        for (int pass = 0; pass < 2; pass++)
        {
            using StepScope tape = device.BeginTape();
            tape.Backward(Operators.Linear(x, w, b, residual: r, rowMask: Tensor.From(device, [2, 3], mask)), Tensor.From(device, [2, 3, outputs], d));
        }

        // Two passes: what a leaf held before is added to.
        float[] dx = new float[rows * inputs], dw = new float[outputs * inputs], db = new float[outputs];
        for (int i = 0; i < rows; i++)
        {
            for (int o = 0; mask[i] && o < outputs; o++)
            {
                float twice = 2f * d[i * outputs + o];
                db[o] += twice;
                for (int c = 0; c < inputs; c++)
                {
                    dx[i * inputs + c] += twice * ws[o * inputs + c];
                    dw[o * inputs + c] += twice * xs[i * inputs + c];
                }
            }
        }

        MatrixMultiplyTests.AssertNear(dx, x.Gradient!);
        MatrixMultiplyTests.AssertNear(dw, w.Gradient!);
        MatrixMultiplyTests.AssertNear(db, b.Gradient!);
        MatrixMultiplyTests.AssertNear([.. d.Select(static v => 2f * v)], r.Gradient!);
    }

    [TestMethod]
    [DeviceRows]
    public void With_an_activation_recording_changes_no_value_and_gradients_match_finite_differences(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var random = new Random(13);
        Tensor x = MatrixMultiplyTests.Leaf(device, random, [4, 5]), w = MatrixMultiplyTests.Leaf(device, random, [3, 5]), b = MatrixMultiplyTests
            .Leaf(device, random, [3]);
        Tensor residual = MatrixMultiplyTests.Leaf(device, random, [4, 3]), mask = Tensor.From(device, [4], [true, false, true, true]);
        float[] d = MatrixMultiplyTests.Values(random, 12), fused = Forward().ToArray();
        using (StepScope tape = device.BeginTape())
        {
            Tensor recorded = Forward();
            MatrixMultiplyTests.AssertNear(fused, recorded);
            tape.Backward(recorded, Tensor.From(device, [4, 3], d));
        }

        foreach (Tensor leaf in new[] { x, w, b, residual })
        {
            float[] values = leaf.ToArray(), gradient = leaf.Gradient!.ToArray();
            for (int i = 0; i < values.Length; i++)
                Assert.AreEqual((Loss(leaf, values, i, 1e-2f) - Loss(leaf, values, i, -1e-2f)) / 2e-2, gradient[i], 2e-3, $"{leaf.Shape} element {i}");
        }

        Tensor Forward() => Operators.Linear(x, w, b, Activation.Gelu, residual, mask);

        double Loss(Tensor leaf, float[] values, int element, float change)
        {
            float[] moved = [.. values];
            moved[element] += change;
            leaf.Write(moved);
            double loss = Forward().ToArray().Zip(d, static (y, g) => (double)y * g).Sum();
            leaf.Write(values);
            return loss;
        }
    }

    [TestMethod]
    [DeviceRows(Activation.None), DeviceRows(Activation.Gelu)]
    public void A_masked_row_gives_no_gradient_whatever_it_holds(string id, Activation activation)
    {
        ComputeDevice device = TestDevices.Get(id);
        float[][] clean = Gradients(0f);
        foreach (float number in new[] { float.NaN, float.PositiveInfinity, 3e38f })
        {
            float[][] hidden = Gradients(number);
            for (int n = 0; n < clean.Length; n++)
                CollectionAssert.AreEqual(clean[n], hidden[n], $"{number}, result {n}");
        }

        float[][] Gradients(float number)
        {
            using StepScope step = device.BeginStep();
            float[] numbers = [.. Enumerable.Range(0, 3 * 20).Select(i => i / 20 == 1 ? number : MathF.Sin(i))];
            Tensor x = Tensor.From(device, [3, 20], numbers), w = Tensor.From(
                device, [17, 20], [.. Enumerable.Range(0, 17 * 20).Select(static i => MathF.Cos(i))]), b = Tensor.Zeros(device, [17]);
            (x.RequiresGradient, w.RequiresGradient, b.RequiresGradient) = (true, true, true);
            using StepScope tape = device.BeginTape();
            Tensor y = Operators.Linear(x, w, b, activation, rowMask: Tensor.From(device, [3], [true, false, true]));
            tape.Backward(y, Tensor.From(device, [3, 17], [.. Enumerable.Repeat(1f, 3 * 17)]));
            return [y.ToArray(), x.Gradient!.ToArray(), w.Gradient!.ToArray(), b.Gradient!.ToArray()];
        }
    }

    [TestMethod]
    [DeviceRows]
    public void The_second_call_allocates_nothing_and_compiles_nothing(string id)
    {
        ComputeDevice device = TestDevices.GetSettled(id);
        Tensor input = Tensor.Zeros(device, [3, 40]), weight = Tensor.Zeros(device, [17, 40]);
        Operators.Linear(input, weight, activation: Activation.Gelu).Dispose();
        (long allocations, long compiles) = (device.Statistics.Allocations, device.Statistics.CompiledKernels);
        Operators.Linear(input, weight, activation: Activation.Gelu).Dispose();
        Assert.AreEqual(allocations, device.Statistics.Allocations);
        Assert.AreEqual(compiles, device.Statistics.CompiledKernels);
        input.Dispose();
        weight.Dispose();
    }

    private static void AssertWrong(string what, string wanted, Action call)
    {
        string message = Assert.ThrowsExactly<ArgumentException>(call).Message;
        StringAssert.Contains(message, what);
        StringAssert.Contains(message, wanted);
    }
}
