using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>The two norms of rows: values, gains in groups, rows that are constant or far from zero, and arguments that do not fit.</summary>
[TestClass]
public sealed class LayerNormTests
{
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Rows_have_mean_zero_and_variance_one_before_the_gain(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [2, 4], [1f, 3f, 1f, 3f, -8f, 0f, 8f, 0f]), gain = Tensor.From(device, [4], [0f, 1f, 2f, -1f]);

        // Variances 1 and 32; the stored gain is one too small.
        Near([-1f, 2f, -3f, 0f, -MathF.Sqrt(2f), 0f, 3f * MathF.Sqrt(2f), 0f], Operators.LayerNorm(x, gain, gainOffset: 1f), 1e-5f);
        Near([-0.5f, 0.5f, -0.5f, 0.5f, -8f / MathF.Sqrt(35f), 0f, 8f / MathF.Sqrt(35f), 0f], Operators.LayerNorm(x, null, epsilon: 3f), 1e-5f);
        Near([0.4f, 1.2f, 0.4f, 1.2f], Operators.RmsNorm(Tensor.From(device, [1, 4], [1f, 3f, 1f, 3f]), Tensor.From(device, [1], [0.4f * MathF.Sqrt(5f)])),
            1e-5f);
    }

    [TestMethod]
    [DeviceRows]
    public void A_gain_for_each_group_of_rows_is_that_group_s(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [4, 2], [1f, 3f, 1f, 3f, 1f, 3f, 1f, 3f]), gains = Tensor.From(device, [2, 2], [1f, 1f, 10f, 20f]);
        Near([-1f, 1f, -1f, 1f, -10f, 20f, -10f, 20f], Operators.LayerNorm(x, gains), 1e-3f);
    }

    [TestMethod]
    [DeviceRows(DType.Float32), DeviceRows(DType.BFloat16)]
    public void A_constant_row_gives_zero_and_one_far_from_zero_its_shape(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        CollectionAssert.AreEqual(new float[3], Operators.LayerNorm(Tensor.From(device, [1, 3], [4096f, 4096f, 4096f], dtype), null).ToArray());

        // The mean first, then the deviations from it: squares of the numbers themselves would leave nothing of them.
        Near([-1f, 1f], Operators.LayerNorm(Tensor.From(device, [1, 2], [65536f, 66048f], dtype), null), 8e-3f);
        Assert.AreEqual(new Shape(0, 3), Operators.LayerNorm(Tensor.Zeros(device, [0, 3], dtype), null).Shape);
    }

    [TestMethod]
    [DeviceRows]
    public void What_does_not_fit_is_said_with_both_shapes(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.Zeros(device, [4, 3]);
        long launches = device.Statistics.Launches;
        Assert.Contains("[4, 3]", Wrong(() => Operators.LayerNorm(x, Tensor.Zeros(device, [4]))));
        Assert.Contains("BFloat16", Wrong(() => Operators.LayerNorm(x, Tensor.Zeros(device, [3], DType.BFloat16))));
        Assert.Contains("Int32", Wrong(() => Operators.LayerNorm(Tensor.From(device, [2], [1, 2]), null)));
        Assert.Contains("is a scalar", Wrong(() => Operators.LayerNorm(Tensor.Zeros(device, []), null)));
        Assert.IsLessThanOrEqualTo(launches + 3, device.Statistics.Launches, "The zeros alone.");

        static string Wrong(Action act) => Assert.ThrowsExactly<ArgumentException>(act).Message;
    }

    private static void Near(float[] expected, Tensor actual, float tolerance)
    {
        float[] got = actual.ToArray();
        Assert.HasCount(expected.Length, got);
        for (int i = 0; i < got.Length; i++)
            Assert.AreEqual(expected[i], got[i], tolerance * Math.Max(1f, Math.Abs(expected[i])), $"element {i}");
    }
}
