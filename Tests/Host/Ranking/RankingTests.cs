using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>Sorting, the largest few, and where the largest is: order of equal numbers and NaN, axes, data types, gradients, wrong arguments.</summary>
[TestClass]
public sealed class RankingTests
{
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Equal_numbers_stay_in_order_and_NaN_is_above_all(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [7], [2f, float.NaN, -0f, 2f, float.PositiveInfinity, 0f, float.NegativeInfinity]);
        CollectionAssert.AreEqual(new long[] { 6, 2, 5, 0, 3, 4, 1 }, Operators.Sort(x).Indices.ToInt64Array());
        CollectionAssert.AreEqual(new long[] { 1, 4, 0, 3, 2, 5, 6 }, Operators.Sort(x, descending: true).Indices.ToInt64Array());
        (Tensor values, Tensor indices) = x.TopK(3, largest: false);
        CollectionAssert.AreEqual(new[] { float.NegativeInfinity, 0f, 0f }, values.ToArray());
        CollectionAssert.AreEqual(new long[] { 6, 2, 5 }, indices.ToInt64Array());
        Assert.AreEqual(1L, x.ArgMax().ToInt64Array().Single());
        Assert.AreEqual(1L, x.ArgMin().ToInt64Array().Single());
        Tensor numbers = Tensor.From(device, [2, 3], [1f, 5f, 5f, -2f, -2f, 0f]);
        CollectionAssert.AreEqual(new long[] { 1, 2 }, numbers.ArgMax(1).ToInt64Array());
        CollectionAssert.AreEqual(new long[] { 1, 1, 1 }, numbers.ArgMin(0).ToInt64Array());
        Assert.AreEqual(new Shape(2, 1), numbers.ArgMin(-1, keepDim: true).Shape);
        Assert.AreEqual(new Shape(1, 1), numbers.ArgMax(keepDim: true).Shape);
    }

    [TestMethod]
    [DeviceRows(DType.Float16), DeviceRows(DType.BFloat16)]
    public void Two_byte_numbers_are_sorted_as_they_are(string id, DType dtype)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        (Tensor values, Tensor indices) = Tensor.From(device, [1, 2, 3], [3f, 1f, 2f, 0.5f, 4f, -1f], dtype).Sort(2);
        Assert.AreEqual(dtype, values.DType);
        CollectionAssert.AreEqual(new[] { 1f, 2f, 3f, -1f, 0.5f, 4f }, values.ToArray());
        CollectionAssert.AreEqual(new long[] { 1, 2, 0, 2, 0, 1 }, indices.ToInt64Array());
    }

    [TestMethod]
    [DeviceRows]
    public void Gradients_go_where_the_numbers_came_from(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(device, static t => Operators.Sort(t[0], 1).Values, Input([2, 5, 2], 1));
        GradientCheck.Agrees(device, static t => Operators.TopK(t[0], 2, 0).Values, Input([4, 3], 2));
        GradientCheck.Agrees(device, static t => Operators.CumulativeSum(t[0], 1), Input([2, 5, 2], 3));
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Sums_accumulate_along_an_axis(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [2, 3], [1f, 2f, 3f, 4f, 5f, 6f]);
        CollectionAssert.AreEqual(new[] { 1f, 3f, 6f, 4f, 9f, 15f }, x.CumulativeSum(-1).ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 2f, 3f, 5f, 7f, 9f }, x.CumulativeSum(0).ToArray());
        Tensor half = Operators.Cast(x, DType.BFloat16).CumulativeSum(1);
        Assert.AreEqual(DType.BFloat16, half.DType);
        CollectionAssert.AreEqual(new[] { 1f, 3f, 6f, 4f, 9f, 15f }, half.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void Nothing_has_no_largest_and_sorts_to_nothing(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor none = Tensor.Zeros(device, [2, 0]);
        Assert.AreEqual(new Shape(2, 0), none.Sort().Values.Shape);
        Assert.AreEqual(new Shape(2, 0), none.CumulativeSum(1).Shape);
        Assert.AreEqual(new Shape(2, 0), Tensor.Zeros(device, [2, 3]).TopK(0).Indices.Shape);
        Assert.AreEqual(new Shape(0), none.ArgMax(0).Shape);
        long launches = device.Statistics.Launches;
        Assert.Contains("no largest or smallest", Assert.ThrowsExactly<ArgumentException>(() => none.ArgMax(1)).Message);
        Assert.Contains("'count' is 4, but axis 1 of [2, 3] has 3", Wrong(() => Tensor.Zeros(device, [2, 3]).TopK(4)));
        Assert.Contains("Int32", Wrong(() => Operators.Sort(Tensor.From(device, [2], [1, 2]))));
        Assert.Contains("the axes 0 to 1", Wrong(() => none.CumulativeSum(2)));
        Assert.IsLessThanOrEqualTo(launches + 2, device.Statistics.Launches, "The zeros alone.");

        static string Wrong(Action act) => Assert.ThrowsExactly<ArgumentException>(act).Message;
    }

    private static (Shape Shape, float[] Values) Input(Shape shape, int seed) => (shape, GradientCheck.Values(checked((int)shape.Count), seed));
}
