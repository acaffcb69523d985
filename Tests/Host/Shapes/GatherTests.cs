using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Gathering and scattering along an axis: values, shapes that are not covered whole, gradients, wrong arguments.</summary>
[TestClass]
public sealed class GatherTests
{
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Elements_are_picked_and_added_where_the_index_says(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [2, 3], [1f, 2f, 3f, 4f, 5f, 6f]), index = Tensor.From(device, [2, 2], [2, 0, 1, 1]);
        CollectionAssert.AreEqual(new[] { 3f, 1f, 5f, 5f }, x.Gather(1, index).ToArray());
        CollectionAssert.AreEqual(new[] { 4f, 2f }, x.Gather(0, Tensor.From(device, [1, 2], [1L, 0L])).ToArray());
        CollectionAssert.AreEqual(new[] { 3f, 1f, 6f, 4f }, x.IndexSelect(-1, Tensor.From(device, [2], [2, 0])).ToArray());
        CollectionAssert.AreEqual(new long[] { 7, 5 }, Tensor.From(device, [3], [5, 6, 7]).IndexSelect(0, Tensor.From(device, [2], [2, 0])).ToInt64Array());
        Tensor source = Tensor.From(device, [2, 2], [10f, 20f, 30f, 40f]);
        CollectionAssert.AreEqual(new[] { 21f, 2f, 13f, 4f, 75f, 6f }, x.ScatterAdd(1, index, source).ToArray());

        // An index that reaches a part alone.
        CollectionAssert.AreEqual(new[] { 1f, 12f, 3f, 4f, 5f, 6f }, x.ScatterAdd(1, Tensor.From(device, [1, 1], [1]), source).ToArray());
        CollectionAssert.AreEqual(new[] { 11f, 2f, 3f, 4f, 25f, 6f }, x.ScatterAdd(0, Tensor.From(device, [1, 2], [0, 1]), source).ToArray());
        Assert.AreEqual(new Shape(2, 0), x.Gather(1, Tensor.From(device, [2, 0], Array.Empty<int>())).Shape);
    }

    [TestMethod]
    [DeviceRows]
    public void Gradients_agree_with_finite_differences(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(device, t => Operators.Gather(t[0], 1, Tensor.From(device, [2, 4, 2], [0, 1, 2, 2, 0, 0, 1, 2, 1, 1, 0, 2, 2, 1, 0, 0])),
            Input([2, 3, 2], 1));
        GradientCheck.Agrees(device, t => Operators.Gather(t[0], 0, Tensor.From(device, [1, 2], [1, 1])), Input([2, 3], 2));
        GradientCheck.Agrees(device, t => Operators.IndexSelect(t[0], 1, Tensor.From(device, [4], [2, 0, 2, 1])), Input([2, 3, 2], 3));
        GradientCheck.Agrees(
            device, t => Operators.ScatterAdd(t[0], 1, Tensor.From(device, [2, 2], [2, 0, 1, 1]), t[1]), Input([2, 3], 4), Input([2, 3], 5));
        GradientCheck.Agrees(
            device, t => Operators.ScatterAdd(t[0], 0, Tensor.From(device, [3, 1], [1, 0, 1]), t[1]), Input([2, 3], 6), Input([3, 2], 7));
    }

    [TestMethod]
    [DeviceRows(DType.BFloat16)]
    public void Two_byte_sums_are_rounded_once(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor sum = Tensor.From(device, [1], [256f], dtype).ScatterAdd(0, Tensor.From(device, [4], [0, 0, 0, 0]),
            Tensor.From(device, [4], [1f, 1f, 1f, 1f], dtype));
        CollectionAssert.AreEqual(new[] { 260f }, sum.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void What_does_not_fit_is_said_and_nothing_is_launched(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [2, 3], new float[6]), index = Tensor.From(device, [2, 2], [2, 0, 1, 3]);
        long launches = device.Statistics.Launches;
        Assert.Contains("'index' holds 3 at position 3, but axis 1 of [2, 3] is 3: only 0 to 2 is valid", Wrong(() => x.Gather(1, index)));
        Assert.Contains("-1", Wrong(() => x.IndexSelect(0, Tensor.From(device, [1], [-1]))));
        Assert.Contains("[3, 2]", Wrong(() => x.Gather(1, Tensor.From(device, [3, 2], new int[6]))));
        Assert.Contains("[2]", Wrong(() => x.Gather(1, Tensor.From(device, [2], new int[2]))));
        Assert.Contains("one list of places", Wrong(() => x.IndexSelect(0, index)));
        Assert.Contains("Float32", Wrong(() => x.Gather(1, Tensor.From(device, [2, 2], new float[4]))));
        Assert.Contains("'source' has shape [1, 2]",
            Wrong(() => x.ScatterAdd(1, Tensor.From(device, [2, 2], new int[4]), Tensor.From(device, [1, 2], new float[2]))));
        Assert.Contains("BFloat16",
            Wrong(() => x.ScatterAdd(1, Tensor.From(device, [2, 2], new int[4]), Tensor.From(device, [2, 2], new float[4], DType.BFloat16))));
        Assert.AreEqual(launches, device.Statistics.Launches);

        static string Wrong(Action act) => Assert.ThrowsExactly<ArgumentException>(act).Message;
    }

    private static (Shape Shape, float[] Values) Input(Shape shape, int seed) => (shape, GradientCheck.Values(checked((int)shape.Count), seed));
}
