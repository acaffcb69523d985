using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Operators that change the shape: values, integers, empty tensors, and arguments that do not fit.</summary>
[TestClass]
public sealed class ShapeOperatorTests
{
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Axes_are_counted_from_either_end(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [2, 3], [1f, 2f, 3f, 4f, 5f, 6f]);
        CollectionAssert.AreEqual(new[] { 1f, 4f, 2f, 5f, 3f, 6f }, x.Transpose(0, -1).ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 4f, 2f, 5f, 3f, 6f }, x.Permute(-1, 0).ToArray());
        CollectionAssert.AreEqual(new[] { 2f, 3f, 5f, 6f }, x.Narrow(-1, 1, 2).ToArray());
        CollectionAssert.AreEqual(new[] { 3f, 6f }, x.Narrow(1, -1, 1).ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 2f, 3f, 1f, 4f, 5f, 6f, 4f }, Operators.Concatenate([x, x.Narrow(1, 0, 1)], -1).ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 2f, 3f, 4f, 5f, 6f, 4f, 5f, 6f }, Operators.Concatenate([x, x.Narrow(0, 1, 1)], 0).ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 1f, 4f, 4f, 1f, 1f, 4f, 4f }, x.Narrow(1, 0, 1).Expand([2, 2, 2]).ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void Integers_and_flags_are_copied_as_they_are(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        CollectionAssert.AreEqual(new[] { 1L << 40, -7L, 3L, 9L }, Tensor.From(device, [2, 2], [1L << 40, 3L, -7L, 9L]).Transpose(0, 1).ToInt64Array());
        Tensor ids = Tensor.From(device, [3], [5, -1, 7]);
        CollectionAssert.AreEqual(new[] { -1L, 7L, 5L }, Operators.Concatenate([ids.Narrow(0, 1, 2), ids.Narrow(0, 0, 1)], 0).ToInt64Array());
        CollectionAssert.AreEqual(new[] { true, false, true, false }, Tensor.From(device, [2], [true, false]).Expand([2, 2]).ToBoolArray());
    }

    [TestMethod]
    [DeviceRows]
    public void Empty_stretches_give_empty_tensors_and_no_gradient(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [2, 2], [1f, 2f, 3f, 4f]);
        x.RequiresGradient = true;
        using StepScope tape = device.BeginTape();
        Tensor none = x.Narrow(1, 2, 0).Transpose(0, 1), whole = Operators.Concatenate([none.Expand([3, 0, 2]), Tensor.Zeros(device, [3, 0, 2])], 0);
        Assert.AreEqual(new Shape(6, 0, 2), whole.Shape);
        tape.Backward(whole, Tensor.Zeros(device, [6, 0, 2]));
        CollectionAssert.AreEqual(new float[4], x.Gradient!.ToArray());
        x.ClearGradient();
    }

    [TestMethod]
    [DeviceRows]
    public void Wrong_arguments_are_named_and_nothing_is_launched(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.Zeros(device, [2, 3]);
        long launches = device.Statistics.Launches;
        Refuses("axes", "names 1 axes", () => x.Permute(0));
        Refuses("axes", "axis 1 twice", () => x.Permute(1, -1));
        Refuses("axes", "is 2", () => x.Permute(0, 2));
        Refuses("second", "is -3", () => x.Transpose(0, -3));
        Refuses("axis", "no axis", () => Operators.Narrow(Tensor.Empty(device, []), 0, 0, 0));
        Refuses("start", "is 4", () => x.Narrow(1, 4, 0));
        Refuses("length", "2 left from 1", () => x.Narrow(1, 1, 3));
        Refuses("shape", "[3, 3]", () => x.Expand([3, 3]));
        Refuses("shape", "[3]", () => x.Expand([3]));
        Refuses("tensors", "is empty", () => Operators.Concatenate([], 0));
        Refuses("tensors", "[2, 4] beside [2, 3]", () => Operators.Concatenate([x, Tensor.Empty(device, [2, 4])], 0));
        Refuses("tensors", "Int32", () => Operators.Concatenate([x, Tensor.Empty(device, [2, 3], DType.Int32)], 0));
        Refuses(null, "7 separate axes", () => Tensor.Empty(device, [2, 2, 2, 2, 2, 2, 2]).Permute(6, 5, 4, 3, 2, 1, 0));
        Assert.AreEqual(launches, device.Statistics.Launches);
    }

    private static void Refuses(string? argument, string what, Action action)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(action);
        Assert.AreEqual(argument, exception.ParamName);
        Assert.Contains(what, exception.Message);
    }
}
