using GpuTransformer.Host;

namespace GpuTransformer.Tests;

/// <summary>
/// Compares what the tape computes with central differences of the operator itself: for random weights w, the derivative of Σ w · f(x) along each element.
/// </summary>
internal static class GradientCheck
{
    // Large enough to stand out of float32's rounding, small enough that the third derivative does not count.
    private const float Step = 1f / 128;

    /// <summary>Float32 rounding over the step, and the third derivative, of functions with values and derivatives of order one.</summary>
    private const double Tolerance = 2e-3;

    /// <summary>Fails where a gradient of <paramref name="function"/> is wrong.</summary>
    /// <param name="device">Where to run.</param>
    /// <param name="function">From tensors of the inputs' shapes to a tensor.</param>
    /// <param name="inputs">The point; every input gets a gradient.</param>
    public static void Agrees(ComputeDevice device, Func<Tensor[], Tensor> function, params (Shape Shape, float[] Values)[] inputs)
    {
        using StepScope scope = device.BeginStep();
        Tensor[] leaves = [.. inputs.Select(i => Tensor.From(device, i.Shape, i.Values))];
        foreach (Tensor leaf in leaves)
            leaf.RequiresGradient = true;
        float[] weights;
        using (StepScope tape = device.BeginTape())
        {
            Tensor output = function(leaves);
            weights = Values(checked((int)output.Shape.Count), seed: 99);
            tape.Backward(output, Tensor.From(device, output.Shape, weights));
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            Assert.IsNotNull(leaves[i].Gradient, $"input {i} got no gradient");
            Assert.AreEqual(inputs[i].Shape, leaves[i].Gradient!.Shape, $"shape of the gradient of input {i}");
            float[] gradient = leaves[i].Gradient!.ToArray();
            leaves[i].ClearGradient();
            for (int e = 0; e < gradient.Length; e++)
            {
                double expected = (Evaluate(e, Step) - Evaluate(e, -Step)) / (2 * Step);
                Assert.AreEqual(expected, gradient[e], Tolerance * Math.Max(1, Math.Abs(expected)), $"input {i}, element {e}");
            }

            double Evaluate(int element, float change)
            {
                using StepScope step = device.BeginStep();
                float[] moved = [.. inputs[i].Values];
                moved[element] += change;
                Tensor[] point = [.. inputs.Select((input, k) => Tensor.From(device, input.Shape, k == i ? moved : input.Values))];
                return function(point).ToArray().Select((y, k) => (double)y * weights[k]).Sum();
            }
        }
    }

    /// <summary>Numbers in ±1.5, none closer to zero than the steps reach, so that a kink there is not crossed.</summary>
    public static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (random.Next(2) * 2 - 1) * (0.1f + 1.4f * random.NextSingle());
        return values;
    }
}
