using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>What the cases of the tensor algebra cannot see: C#'s operators, the shapes of results, empty tensors, and arguments that do not fit.</summary>
[TestClass]
public sealed class AlgebraTests
{
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Operators_of_the_language_broadcast(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor a = Tensor.From(device, [2, 1], [1f, 2f]), b = Tensor.From(device, [3], [10f, 20f, 40f]);
        CollectionAssert.AreEqual(new[] { 11f, 21f, 41f, 12f, 22f, 42f }, (a + b).ToArray());
        CollectionAssert.AreEqual(new[] { -9f, -19f, -39f, -8f, -18f, -38f }, (a - b).ToArray());
        CollectionAssert.AreEqual(new[] { 10f, 20f, 40f, 20f, 40f, 80f }, (a * b).ToArray());
        CollectionAssert.AreEqual(new[] { -20f, -40f, -80f }, (-b * 2f).ToArray());
        CollectionAssert.AreEqual(new[] { 20f, 40f, 80f }, (2f * b).ToArray());
        CollectionAssert.AreEqual(new[] { 0.5f, 1f }, (a / Tensor.From(device, [], [2f])).ToArray());
        Assert.AreEqual(new Shape(2, 3), (a / b).Shape);
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Operators_of_the_language_take_numbers_and_upload_none(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor t = Tensor.From(device, [3], [1f, -2f, 4f]);
        CollectionAssert.AreEqual(new[] { 3f, 0f, 6f }, (t + 2f).ToArray());
        CollectionAssert.AreEqual(new[] { 3f, 0f, 6f }, (2f + t).ToArray());
        CollectionAssert.AreEqual(new[] { 0f, -3f, 3f }, (t - 1f).ToArray());
        CollectionAssert.AreEqual(new[] { 0f, 3f, -3f }, (1f - t).ToArray());
        CollectionAssert.AreEqual(new[] { 0.5f, -1f, 2f }, (t / 2f).ToArray());
        CollectionAssert.AreEqual(new[] { 1f, -0.5f, 0.25f }, (1f / t).ToArray());
        CollectionAssert.AreEqual(new[] { float.PositiveInfinity, float.NegativeInfinity, float.PositiveInfinity }, (t / 0f).ToArray());
        CollectionAssert.AreEqual(new[] { float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity }, (t - float.PositiveInfinity).ToArray());
    }

    /// <summary>Against .NET's, which is C's, and the gradients against those that PyTorch's rules give.</summary>
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Powers_of_special_numbers_are_those_of_C_and_their_gradients_those_of_PyTorch(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        float infinity = float.PositiveInfinity;
        float[] bases = [0f, -0f, 1f, -1f, 2f, -2f, 0.7f, -0.7f, 1e30f, 1e-30f, infinity, -infinity, float.NaN, 1.0001f];
        float[] exponents = [0f, -0f, 1f, -1f, 2f, 3f, -3f, 0.5f, -0.5f, 100.5f, 101f, 16777216f, infinity, -infinity, float.NaN, 5000f];
        using StepScope step = device.BeginStep();
        Shape shape = [bases.Length, exponents.Length];
        Tensor x = Tensor.From(device, shape, [.. from a in bases from _ in exponents select a]);
        Tensor y = Tensor.From(device, shape, [.. from _ in bases from b in exponents select b]);
        (x.RequiresGradient, y.RequiresGradient) = (true, true);
        using StepScope tape = device.BeginTape();
        Tensor power = Operators.Power(x, y);
        tape.Backward(power, Tensor.From(device, shape, [.. Enumerable.Repeat(1f, (int)shape.Count)]));
        float[] values = power.ToArray(), left = x.Gradient!.ToArray(), right = y.Gradient!.ToArray();
        for (int i = 0; i < values.Length; i++)
        {
            float a = bases[i / exponents.Length], b = exponents[i % exponents.Length];
            IsClose(MathF.Pow(a, b), values[i], $"{a}^{b}");
            IsClose(b == 0 ? 0 : b * MathF.Pow(a, b - 1), left[i], $"d {a}^{b} by the base");
            IsClose(a == 0 && b >= 0 ? 0 : MathF.Pow(a, b) * MathF.Log(a), right[i], $"d {a}^{b} by the exponent");
        }

        x.ClearGradient();
        y.ClearGradient();

        // What lies below the normal numbers a device may flush.
        static void IsClose(float expected, float actual, string what)
        {
            if (Math.Abs(expected) < 1.2e-38f)
                Assert.IsLessThan(1.2e-38f, Math.Abs(actual), what);
            else if (float.IsFinite(expected))
                Assert.AreEqual(expected, actual, 4e-6f * Math.Abs(expected), what);
            else
                Assert.AreEqual(expected, actual, what);
        }
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void What_is_not_a_number_stays_so(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor left = Tensor.From(device, [3], [float.NaN, 1f, float.NegativeInfinity]), right = Tensor.From(device, [3], [1f, float.NaN, 0f]);
        CollectionAssert.AreEqual(new[] { float.NaN, float.NaN, 0f }, Operators.Maximum(left, right).ToArray());
        CollectionAssert.AreEqual(new[] { float.NaN, float.NaN, float.NegativeInfinity }, Operators.Minimum(left, right).ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void Empty_tensors_give_empty_tensors_and_no_gradient(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.From(device, [2], [1f, 2f]);
        x.RequiresGradient = true;
        using StepScope tape = device.BeginTape();
        Tensor y = Operators.Exp(x - Tensor.Zeros(device, [0, 1]));
        Assert.AreEqual(new Shape(0, 2), y.Shape);
        tape.Backward(y, Tensor.Zeros(device, [0, 2]));
        CollectionAssert.AreEqual(new float[2], x.Gradient!.ToArray());
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
        Refuses("right", "[2, 2]", () => Operators.Subtract(x, Tensor.Empty(device, [2, 2])));
        Refuses("right", "[4]", () => Operators.Multiply(x, Tensor.Empty(device, [4])));
        Refuses("right", "Float16", () => Operators.Divide(x, Tensor.Empty(device, [3], DType.Float16)));
        Refuses("left", "Int32", () => Operators.Divide(Tensor.Empty(device, [3], DType.Int32), 2f));
        Refuses("right", "Int32", () => Operators.Divide(2f, Tensor.Empty(device, [3], DType.Int32)));
        Refuses("right", "[4]", () => Operators.Power(x, Tensor.Empty(device, [4])));
        Refuses("input", "Int32", () => Operators.Exp(Tensor.Empty(device, [3], DType.Int32)));
        Assert.ThrowsExactly<ArgumentNullException>(() => Operators.Maximum(x, null!));
        Refuses(null, "7 separate axes", () => Operators.Add(Tensor.Empty(device, [2, 1, 2, 1, 2, 1, 2]), Tensor.Empty(device, [1, 2, 1, 2, 1, 2, 1])));
        Assert.AreEqual(launches, device.Statistics.Launches);
    }

    [TestMethod]
    public void How_operands_are_walked_costs_no_memory_on_the_host_and_rows_are_counted()
    {
        Shape output = [2, 3, 4], row = [4], column = [3, 1];
        BroadcastLayout.Walk(output, output, row, column);
        long before = GC.GetAllocatedBytesForCurrentThread();
        BroadcastLayout.Walk(output, output, output, output);
        BroadcastLayout.Walk(output, output, row, column);
        Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - before);

        // 2^31 rows of two are one too many for the number of a row.
        Shape many = [1 << 16, 1 << 15, 2];
        Refuses(null, many.ToString(), () => BroadcastLayout.Walk(many, many, [1 << 16, 1 << 15, 1], many));
        Assert.AreEqual(2, BroadcastLayout.Walk([1 << 15, 1 << 15, 2], [1 << 15, 1 << 15, 2], [1 << 15, 1 << 15, 1], [1]).Inner);
    }

    private static void Refuses(string? argument, string what, Action action)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(action);
        Assert.AreEqual(argument, exception.ParamName);
        Assert.Contains(what, exception.Message);
    }
}
