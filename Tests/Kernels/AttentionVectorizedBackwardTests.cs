using GpuTransformer.Host;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests;

/// <summary>What the validation sweep cannot say about attention's backward on the processor.</summary>
[TestClass]
public sealed class AttentionVectorizedBackwardTests
{
    private static readonly AttentionProblem s_everything = new(9, 21, 5, 7)
    {
        Heads = 4, KeyValueHeads = 2, Causal = CausalAlignment.BottomRight, Window = 15, KeyMask = true, Mask = AttentionAxes.All, Bias = AttentionAxes.Head,
        Alibi = true,
        SoftClamp = 3f, FreeColumns = 2,
    };

    // Which of the four the finite difference is taken in.
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void Gradients_are_the_slopes_of_the_loss(int which)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        var data = new AttentionProblemData(s_everything, 5, DType.Float32);
        Tensor[] inputs = [data.Query(device), data.Key(device), data.Value(device), data.Options(device).Bias!];
        ScoreOptions options = data.Options(device) with { Bias = inputs[3] };
        float[] weights = new CaseData(6, DType.Float32).Uniform(data.Shape.Batch * data.Shape.OutputBatchStride);
        foreach (Tensor input in inputs)
            input.RequiresGradient = true;

        using (StepScope tape = device.BeginTape())
        {
            Tensor output = Operators.Attention(inputs[0], inputs[1], inputs[2], options);
            tape.Backward(output, Tensor.From(device, output.Shape, weights));
        }

        float[] gradient = inputs[which].Gradient!.ToArray(), values = inputs[which].ToArray();
        float largest = gradient.Max(MathF.Abs);
        Assert.IsGreaterThan(0.01f, largest);
        for (int i = 0; i < values.Length; i += 7)
        {
            const float Step = 1f / 64;
            double slope = (Loss(i, Step) - Loss(i, -Step)) / (2 * Step);
            Assert.AreEqual(slope, gradient[i], 2e-3 * largest, $"element {i}");
        }

        double Loss(int index, float change)
        {
            float[] moved = [.. values];
            moved[index] += change;
            inputs[which].Write(moved);
            float[] output = Operators.Attention(inputs[0], inputs[1], inputs[2], options).ToArray();
            inputs[which].Write(values);
            return output.Zip(weights, static (y, w) => (double)y * w).Sum();
        }
    }

    [TestMethod]
    public void Two_runs_agree_to_the_bit_and_invisible_keys_have_no_gradient()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        const int Keys = 150, Visible = 100, Dim = 24;
        var data = new CaseData(7, DType.Float32);
        Tensor query = Tensor.From(
            device, [2, 70, 4 * Dim], data.Uniform(2 * 70 * 4 * Dim)), outputGradient = Tensor.From(device, query.Shape, data.Uniform(query.Shape.Count));
        Tensor key = Tensor.From(
            device, [2, Keys, 2 * Dim], data.Uniform(2 * Keys * 2 * Dim)), value = Tensor.From(device, key.Shape, data.Uniform(key.Shape.Count));
        Tensor mask = Tensor.From(device, [2, Keys], Enumerable.Range(0, 2 * Keys).Select(static j => j % Keys < Visible).ToArray());
        var options = new ScoreOptions { Heads = 4, KeyValueHeads = 2, KeyMask = mask };
        Tensor normalizer = Tensor.Empty(device, [2, 4, 70, 2]), output = Operators.Attention(query, key, value, options, normalizer: normalizer);
        AttentionGradients first = Operators.AttentionBackward(outputGradient, query, key, value, output, normalizer, options);
        AttentionGradients second = Operators.AttentionBackward(outputGradient, query, key, value, output, normalizer, options);
        CollectionAssert.AreEqual(first.Query.ToArray(), second.Query.ToArray());
        CollectionAssert.AreEqual(first.Key.ToArray(), second.Key.ToArray());
        CollectionAssert.AreEqual(first.Value.ToArray(), second.Value.ToArray());
        foreach (float[] gradient in new[] { first.Key.ToArray(), first.Value.ToArray() })
        {
            for (int batch = 0; batch < 2; batch++)
            {
                int start = batch * Keys * 2 * Dim;
                Assert.IsGreaterThan(0, gradient.AsSpan(start, Visible * 2 * Dim).IndexOfAnyExcept(0f) + 1);
                Assert.AreEqual(-1, gradient.AsSpan(start + Visible * 2 * Dim, (Keys - Visible) * 2 * Dim).IndexOfAnyExcept(0f));
            }
        }
    }

    [TestMethod]
    public void A_bias_gradient_without_a_bias_is_refused()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [1, 1, 1], [1f]), normalizer = Tensor.Empty(device, [1, 1, 1, 2]);
        Assert.ThrowsExactly<ArgumentException>(() => Operators.AttentionBackward(x, x, x, x, x, normalizer, new ScoreOptions { Heads = 1 }, wantsBias: true));
    }
}
