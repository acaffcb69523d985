using GpuTransformer.Host;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class RowNormGradientTests
{
    [TestMethod, DeviceRows(true), DeviceRows(false)]
    public void A_number_alone_in_its_row_has_no_gradient(string id, bool isLayerNorm)
    {
        // Normalised, it is its sign, whatever it is: exactly, for there is nothing to compare a rounding error with.
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor input = Tensor.From(
            device, [1000, 1], GradientCheck.Values(1000, seed: 3)), gain = Tensor.From(device, [1000, 1], GradientCheck.Values(1000, seed: 4));
        input.RequiresGradient = true;
        using (StepScope tape = device.BeginTape())
        {
            Tensor output = isLayerNorm ? Operators.LayerNorm(input, gain) : Operators.RmsNorm(input, gain);
            tape.Backward(output, Tensor.From(device, [1000, 1], GradientCheck.Values(1000, seed: 5)));
        }

        float[] gradient = input.Gradient!.ToArray();
        Assert.AreEqual(0, gradient.Count(static g => g != 0f), $"the largest is {gradient.Max(MathF.Abs):g3}");
    }
}
