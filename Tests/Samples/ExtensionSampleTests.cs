using GpuTransformer.Host;
using GpuTransformer.Samples.Extensions;

namespace GpuTransformer.Tests.Samples;

/// <summary>The fused kernel of tools/samples/Extensions.</summary>
[TestClass]
public sealed class ExtensionSampleTests
{
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Its_gradient_is_that_of_its_function(string id)
        => GradientCheck.Agrees(TestDevices.Get(id), static t => new RowNormalization().Apply(t[0]), ([3, 5], GradientCheck.Values(15, 7)));

    [TestMethod]
    [DeviceRows]
    public void It_is_the_librarys_norm_without_a_gain(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [17, 40], GradientCheck.Values(680, 8));
        float[] own = new RowNormalization().Apply(x).ToArray(), library = Operators.RmsNorm(x, null).ToArray();
        for (int i = 0; i < own.Length; i++)
            Assert.AreEqual(library[i], own[i], 1e-4f * (1 + Math.Abs(library[i])));
    }
}
