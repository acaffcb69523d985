using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>
/// What the cases of the reductions cannot see: the axes, shapes of results, NaN and infinities, ties, empty axes, and arguments that do not fit.
/// </summary>
[TestClass]
public sealed class ReductionTests
{
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Any_axes_are_reduced(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [2, 3, 2], [1f, 2f, 3f, 4f, 5f, 6f, 7f, 8f, 9f, 10f, 11f, 12f]);
        CollectionAssert.AreEqual(new[] { 78f }, x.Sum().ToArray());
        CollectionAssert.AreEqual(new[] { 9f, 12f, 27f, 30f }, x.Sum(1).ToArray());
        CollectionAssert.AreEqual(new[] { 18f, 26f, 34f }, x.Sum([0, -1]).ToArray());
        CollectionAssert.AreEqual(new[] { 3.5f, 9.5f }, x.Mean([1, 2]).ToArray());
        CollectionAssert.AreEqual(new[] { 5f, 6f, 11f, 12f }, x.Max(-2).ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 3f, 5f }, x.Min([0, 2]).ToArray());
        CollectionAssert.AreEqual(new[] { 18f, 18f, 18f }, x.Variance(0).ToArray()[..3]);
        CollectionAssert.AreEqual(new[] { 9f, 9f, 9f }, x.Variance(0, correction: 0).ToArray()[..3]);
        Assert.AreEqual(5f, Tensor.From(device, [2], [3f, -4f]).Norm().ToArray()[0], 1e-6f);
        Assert.AreEqual(new Shape(), x.Sum().Shape);
        Assert.AreEqual(new Shape(1, 1, 1), x.Mean(keepDim: true).Shape);
        Assert.AreEqual(new Shape(1, 3, 1), x.Sum([0, 2], keepDim: true).Shape);
        Assert.AreEqual(new Shape(3), x.Sum([0, 2]).Shape);
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Special_values_are_those_of_PyTorch(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [3, 2], [1f, float.NaN, float.NegativeInfinity, float.NegativeInfinity, float.PositiveInfinity, 1f]);
        CollectionAssert.AreEqual(new[] { float.NaN, float.NegativeInfinity, float.PositiveInfinity }, x.Max(1).ToArray());
        CollectionAssert.AreEqual(new[] { float.NaN, float.NegativeInfinity, 1f }, x.Min(1).ToArray());
        CollectionAssert.AreEqual(new[] { float.NaN, float.NegativeInfinity, float.PositiveInfinity }, x.LogSumExp(1).ToArray());
        Assert.AreEqual(1000f + MathF.Log(2), Tensor.From(device, [2], [1000f, 1000f]).LogSumExp().ToArray()[0], 1e-4f);
        Tensor none = Tensor.Zeros(device, [2, 0]);
        CollectionAssert.AreEqual(new float[2], none.Sum(1).ToArray());
        CollectionAssert.AreEqual(new[] { float.NaN, float.NaN }, none.Mean(1).ToArray());
        CollectionAssert.AreEqual(new[] { float.NegativeInfinity, float.NegativeInfinity }, none.LogSumExp(1).ToArray());
        CollectionAssert.AreEqual(new[] { float.NaN }, Tensor.From(device, [1], [2f]).Variance().ToArray());
        Assert.AreEqual(new Shape(0), none.Max(0).Shape);
    }

    [TestMethod]
    [DeviceRows]
    public void Ties_share_the_gradient_and_hidden_rows_have_none(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        CollectionAssert.AreEqual(new[] { 0f, 0.5f, 0.5f, 1f, 0f, 0f }, GradientOf(static x => x.Max(1), 1f, 2f, 2f, 3f, 1f, 0f));
        CollectionAssert.AreEqual(new[] { 1f, 0f, 0f, 0f, 0f, 1f }, GradientOf(static x => x.Min(1), 1f, 2f, 2f, 3f, 1f, 0f));
        const float Hidden = float.NegativeInfinity;
        CollectionAssert.AreEqual(new[] { 0f, 0f, 0f, 0f, 1f, 0f }, GradientOf(static x => x.LogSumExp(1), Hidden, Hidden, Hidden, Hidden, 2f, Hidden));
        CollectionAssert.AreEqual(new[] { 0f, 0f, 0f, 0.6f, 0f, 0.8f }, GradientOf(static x => x.Norm(1), 0f, 0f, 0f, 3f, 0f, 4f));

        float[] GradientOf(Func<Tensor, Tensor> function, params float[] values)
        {
            Tensor x = Tensor.From(device, [2, 3], values);
            x.RequiresGradient = true;
            using StepScope tape = device.BeginTape();
            tape.Backward(function(x), Tensor.From(device, [2], [1f, 1f]));
            float[] gradient = x.Gradient!.ToArray();
            x.ClearGradient();
            return gradient;
        }
    }

    [TestMethod]
    [DeviceRows]
    public void Wrong_arguments_are_named_and_nothing_is_launched(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.Zeros(device, [2, 3]), none = Tensor.Zeros(device, [2, 0]);
        long launches = device.Statistics.Launches;
        Refuses("axes", "is 2", () => x.Sum(2));
        Refuses("axes", "axis 1 of [2, 3] twice", () => x.Mean([1, -1]));
        Refuses("input", "Int32", () => Operators.LogSumExp(Tensor.Empty(device, [3], DType.Int32)));
        Refuses("input", "no largest or smallest", () => none.Max(1));
        Refuses("correction", "is -1", () => x.Variance(1, -1));
        Assert.ThrowsExactly<ArgumentNullException>(() => Operators.Norm(null!));
        Assert.AreEqual(launches, device.Statistics.Launches);
    }

    private static void Refuses(string argument, string what, Action action)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(action);
        Assert.AreEqual(argument, exception.ParamName);
        Assert.Contains(what, exception.Message);
    }
}
