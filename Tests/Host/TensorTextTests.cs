using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Tensors in writing, against what PyTorch 2 prints for the same numbers (its own text up to the data type and device behind it).</summary>
[TestClass]
public sealed class TensorTextTests
{
    private static readonly ComputeDevice s_device = TestDevices.Get("cpu");

    [TestMethod]
    [DataRow(new[] { 1f, 2f, 3f }, "tensor([1., 2., 3.]")]
    [DataRow(new[] { 1.5f, -2f, 100f }, "tensor([  1.5000,  -2.0000, 100.0000]")]
    [DataRow(new[] { 0.1f, 1000f }, "tensor([1.0000e-01, 1.0000e+03]")]
    [DataRow(new[] { 0.00005f, 0.00006f }, "tensor([5.0000e-05, 6.0000e-05]")]
    [DataRow(new[] { 1f, 2000f }, "tensor([1.0000e+00, 2.0000e+03]")]
    [DataRow(new[] { 1e9f, 2e9f }, "tensor([1.0000e+09, 2.0000e+09]")]
    [DataRow(new[] { 0f, -0f }, "tensor([0., -0.]")]
    [DataRow(new[] { float.NaN, 1f, float.PositiveInfinity, float.NegativeInfinity }, "tensor([nan, 1., inf, -inf]")]
    [DataRow(new[] { float.NaN, 0.25f }, "tensor([   nan, 0.2500]")]
    [DataRow(new[] { 0.03125f, 0.09375f, -0.03125f }, "tensor([ 0.0312,  0.0938, -0.0312]")]
    [DataRow(new[] { 100005f, 1f }, "tensor([1.0000e+05, 1.0000e+00]")]
    [DataRow(new[] { 100015f, 1e-30f }, "tensor([1.0002e+05, 1.0000e-30]")]
    public void Numbers_are_aligned_as_in_PyTorch(float[] values, string expected)
    {
        using Tensor tensor = Tensor.From(s_device, [values.Length], values);
        Assert.AreEqual(expected + ", dtype=Float32, device=cpu)", tensor.ToString());
    }

    [TestMethod]
    public void Axes_are_brackets_and_lines()
    {
        Is("tensor(3.5000, dtype=Float32, device=cpu)", Tensor.From(s_device, [], [3.5f]));
        Is("tensor([[1., 2.],\n        [3., 4.]], dtype=Float32, device=cpu)", Tensor.From(s_device, [2, 2], [1f, 2f, 3f, 4f]));
        Is("tensor([[[1.],\n         [2.]],\n\n        [[3.],\n         [4.]]], dtype=Float32, device=cpu)", Tensor.From(s_device, [2, 2, 1], [1f, 2, 3, 4]));
        Is("tensor([], dtype=Float32, device=cpu)", Tensor.Zeros(s_device, [0]));
        Is("tensor([], shape=[2, 0], dtype=Float16, device=cpu)", Tensor.Zeros(s_device, [2, 0], DType.Float16));
        Is("tensor([ True, False], dtype=Bool, device=cpu)", Tensor.From(s_device, [2], [true, false]));
        Is("tensor([-9223372036854775808,                    7], dtype=Int64, device=cpu)", Tensor.From(s_device, [2], [long.MinValue, 7L]));
        Is("tensor([0.5000, 1.0000], dtype=BFloat16, device=cpu)", Tensor.From(s_device, [2], [0.5f, 1f], DType.BFloat16));
        Is("tensor([-1.6777e+07,  5.0000e-01], dtype=Float32, device=cpu)", Tensor.From(s_device, [2], [-16777216f, 0.5f]));
        string zeros = string.Join(", ", Enumerable.Repeat("0.", 24));
        Is($"tensor([{zeros},\n        0.], dtype=Float32, device=cpu)", Tensor.Zeros(s_device, [25]));
    }

    [TestMethod]
    public void Of_large_tensors_the_ends_are_read()
    {
        float[] values = [.. Enumerable.Range(0, 1001).Select(static i => (float)i % 10)];
        Is("tensor([0., 1., 2.,  ..., 8., 9., 0.], shape=[1001], dtype=Float32, device=cpu)", Tensor.From(s_device, [1001], values));
        const string Row = "[0, 1, 2,  ..., 7, 8, 9]", Break = ",\n        ";
        string rows = string.Join(Break, Row, Row, Row, "...", Row, Row, Row);
        Is(
            $"tensor([{rows}], shape=[101, 10], dtype=Int32, device=cpu)",
            Tensor.From(s_device, [101, 10], [.. Enumerable.Range(0, 1010).Select(static i => i % 10)]));
        using Tensor narrow = Tensor.From(s_device, [2, 1001, 2], [.. Enumerable.Range(0, 4004).Select(static i => i)]);
        string text = narrow.ToString();
        Assert.StartsWith("tensor([[[   0,    1],\n         [   2,    3],\n         [   4,    5],\n         ...,\n         [1996, 1997],", text);
        Assert.Contains("[2000, 2001]],\n\n        [[2002, 2003],", text);
        Assert.EndsWith("[4002, 4003]]], shape=[2, 1001, 2], dtype=Int32, device=cpu)", text);
    }

    [TestMethod]
    [DeviceRows]
    public void Writing_one_never_throws(string id)
    {
        ComputeDevice device = TestDevices.OpenNew(id);
        Tensor tensor = Tensor.From(device, [2], [1f, 2f]), gone = Tensor.Zeros(device, [2]);
        Assert.AreEqual($"tensor([1., 2.], dtype=Float32, device={device.Id})", tensor.ToString());
        gone.Dispose();
        Assert.AreEqual($"Float32 [2] on {device.Id} (disposed)", gone.ToString());
        device.Dispose();
        Assert.StartsWith($"Float32 [2] on {device.Id} (not readable: ", tensor.ToString());
    }

    private static void Is(string expected, Tensor tensor)
    {
        Assert.AreEqual(expected, tensor.ToString());
        tensor.Dispose();
    }
}
