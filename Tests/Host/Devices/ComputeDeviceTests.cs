using GpuTransformer.Host;
using GpuTransformer.Kernels;
using ILGPU;

namespace GpuTransformer.Tests;

[TestClass]
public sealed class ComputeDeviceTests
{
    [TestMethod]
    [DataRow(1 << 16, 1 << 16, 1)]
    [DataRow(1, 1, 65536)]
    public void A_grid_that_a_gpu_cannot_take_is_refused_before_it_is_launched(int x, int y, int z)
    {
        ComputeDevice device = TestDevices.Get(TestDevices.Simulator);
        long launches = device.Statistics.Launches;
        var exception = Assert.ThrowsExactly<NotSupportedException>(() => device.Launch(Nothing.Kernel, new Index3D(x, y, z), new Index3D(1, 1, 1), default(Nothing)));
        StringAssert.Contains(exception.Message, $"{x} x {y} x {z}");
        Assert.AreEqual(launches, device.Statistics.Launches);
    }

    [TestMethod]
    public void An_empty_grid_launches_nothing()
    {
        ComputeDevice device = TestDevices.Get(TestDevices.Simulator);
        long launches = device.Statistics.Launches;
        device.Launch(Nothing.Kernel, new Index3D(5, 0, 1), new Index3D(1, 1, 1), default(Nothing));
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
        var data = new float[2 * 64];
        Array.Fill(data, 0.5f);
        using Tensor x = Tensor.From(device, [1, 2, 64], data, DType.BFloat16);
        var options = new AttentionOptions { Heads = 1 };
        Assert.AreEqual("Portable", AttentionOperator.Definition.Choose(device, AttentionOperator.Prepare(x, x, x, options, null)).Name);
        device.PreferredVariant = "TensorCore";
        Assert.AreEqual("TensorCore", AttentionOperator.Definition.Choose(device, AttentionOperator.Prepare(x, x, x, options, null)).Name);
        using Tensor wide = Tensor.From(device, [1, 1, 128], data, DType.BFloat16);
        Assert.AreEqual("Portable", AttentionOperator.Definition.Choose(device, AttentionOperator.Prepare(wide, wide, wide, options, null)).Name);
    }

    private struct Nothing
    {
        public int Unused { get; init; }

        public static void Kernel(Nothing p)
        {
        }
    }
}
