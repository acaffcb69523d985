using GpuTransformer.Host;
using GpuTransformer.Kernels;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class ComputeDeviceTests
{
    [TestMethod]
    public void An_empty_grid_launches_nothing()
    {
        ComputeDevice device = TestDevices.Get(TestDevices.Simulator);
        long launches = device.Statistics.Launches;
        device.Launch(Nothing.Kernel, 0, 1, default(Nothing));
        Assert.AreEqual(launches, device.Statistics.Launches);
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void A_disposed_device_does_no_more_work(string id)
    {
        ComputeDevice device = TestDevices.OpenNew(id);
        Tensor x = Tensor.From(device, [1, 4], [1f, 2f, 3f, 4f]);
        device.Dispose();
        device.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => Operators.LayerNorm(x, null));
        Assert.ThrowsExactly<ObjectDisposedException>(() => x.ToArray());
        Assert.ThrowsExactly<ObjectDisposedException>(() => Tensor.Empty(device, [1]));
        Assert.ThrowsExactly<ObjectDisposedException>(device.BeginStep);
        Assert.ThrowsExactly<ObjectDisposedException>(device.Synchronize);
        x.Dispose();
    }

    [TestMethod]
    public void The_tensor_cores_are_used_where_they_are_asked_for_and_only_there()
    {
        using ComputeDevice device = ComputeDevice.Create(TestDevices.Simulator);
        var data = new float[9 * 64];
        Array.Fill(data, 0.5f);
        using Tensor x = Tensor.From(device, [1, 9, 64], data, DType.BFloat16);
        var options = new ScoreOptions { Heads = 1 };
        Assert.AreEqual("Portable", AttentionOperator.Definition.Choose(device, AttentionOperator.Prepare(x, x, x, options, null)).Name);
        device.PreferredVariant = "TensorCore";
        Assert.AreEqual("TensorCore", AttentionOperator.Definition.Choose(device, AttentionOperator.Prepare(x, x, x, options, null)).Name);
        using Tensor wide = Tensor.From(device, [1, 9, 128], new float[9 * 128], DType.BFloat16);
        Assert.AreEqual("Portable", AttentionOperator.Definition.Choose(device, AttentionOperator.Prepare(wide, wide, wide, options, null)).Name);
    }

    private struct Nothing : IGridKernel
    {
        public int FirstGroup { get; set; }

        public static void Kernel(Nothing p)
        {
        }
    }
}
