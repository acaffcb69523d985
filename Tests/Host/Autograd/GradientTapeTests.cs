using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host.Autograd;

[TestClass]
public sealed class GradientTapeTests
{
    [TestMethod]
    [DeviceRows]
    public void A_tensor_used_twice_gets_the_sum_of_both_gradients(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device, 1f, 2f), y = Leaf(device, 3f, 4f);
        using StepScope tape = device.BeginTape();
        Tensor sum = Operators.Add(Operators.Add(x, y), x);
        tape.Backward(sum, Tensor.From(device, [2], [10f, 20f]));
        CollectionAssert.AreEqual(new[] { 20f, 40f }, x.Gradient!.ToArray());
        CollectionAssert.AreEqual(new[] { 10f, 20f }, y.Gradient!.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void Gradients_add_up_over_passes_until_cleared(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using Tensor x = Tensor.Persistent(device, [2]);
        x.Write([1f, 2f]);
        x.RequiresGradient = true;
        Pass(device, x);
        Pass(device, x);
        CollectionAssert.AreEqual(new[] { 4f, 4f }, x.Gradient!.ToArray());
        x.ClearGradient();
        Assert.IsNull(x.Gradient);
        Pass(device, x);
        CollectionAssert.AreEqual(new[] { 2f, 2f }, x.Gradient!.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void A_reshaped_tensor_passes_its_gradient_back_in_its_own_shape(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device, 1f, 2f, 3f, 4f);
        using StepScope tape = device.BeginTape();
        Tensor square = x.Reshape([2, 2]);
        tape.Backward(Operators.Add(square, square), Tensor.From(device, [2, 2], [1f, 2f, 3f, 4f]));
        Assert.AreEqual(new Shape(4), x.Gradient!.Shape);
        CollectionAssert.AreEqual(new[] { 2f, 4f, 6f, 8f }, x.Gradient.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void Nothing_flows_through_detach_or_a_pause(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device, 1f), y = Leaf(device, 2f);
        using StepScope tape = device.BeginTape();
        Tensor paused;
        using (device.NoGradient())
        {
            Assert.IsFalse(device.IsRecording);
            paused = Operators.Add(x, x);
        }

        Tensor sum = Operators.Add(Operators.Add(x.Detach(), paused), y);
        tape.Backward(sum);
        Assert.IsNull(x.Gradient);
        CollectionAssert.AreEqual(new[] { 1f }, y.Gradient!.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void Steps_hold_memory_flat(string id)
    {
        ComputeDevice device = TestDevices.GetSettled(id);
        using Tensor x = Tensor.Persistent(device, [1000]);
        x.RequiresGradient = true;
        Pass(device, x);
        x.ClearGradient();
        long allocations = device.Statistics.Allocations, inUse = device.Statistics.BytesInUse;
        for (int i = 0; i < 100; i++)
        {
            Pass(device, x);
            x.ClearGradient();
        }

        Assert.AreEqual(allocations, device.Statistics.Allocations);
        Assert.AreEqual(inUse, device.Statistics.BytesInUse);
    }

    [TestMethod]
    public void Misuse_is_named()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device, 1f, 2f), constant = Tensor.Zeros(device, [1]);
        StepScope tape = device.BeginTape();
        Tensor sum = Operators.Add(x, x);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => tape.Backward(sum)).Message, "[2]");
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => tape.Backward(constant)).Message, "requires a gradient");
        tape.Backward(sum, Tensor.Zeros(device, [2]));
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => tape.Backward(sum, sum)).Message, "already");
        tape.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => tape.Backward(sum, sum));
        Assert.IsFalse(device.IsRecording);
    }

    private static Tensor Leaf(ComputeDevice device, params float[] values)
    {
        Tensor tensor = Tensor.From(device, [values.Length], values);
        tensor.RequiresGradient = true;
        return tensor;
    }

    private static void Pass(ComputeDevice device, Tensor x)
    {
        using StepScope step = device.BeginStep();
        using StepScope tape = device.BeginTape();
        Tensor sum = Operators.Add(x, x);
        using Tensor ones = Tensor.From(device, sum.Shape, [.. Enumerable.Repeat(1f, (int)sum.Shape.Count)]);
        tape.Backward(sum, ones);
    }
}
