using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

[TestClass]
public sealed class MatrixMultiplyTests
{
    private static readonly float[] s_left = [1f, 2f, 3f, 4f, 5f, 6f];
    private static readonly float[] s_right = [1f, 0f, 2f, -1f, 1f, 3f];

    // [[1 2 3] [4 5 6]] times [[1 0] [2 -1] [1 3]], each operand stored as it is or transposed.
    [TestMethod]
    [DeviceRows(false, false, Simulator = true), DeviceRows(false, true, Simulator = true), DeviceRows(true, false, Simulator = true),
        DeviceRows(true, true, Simulator = true)]
    public void Every_transposition_gives_the_same_product(string id, bool transposeLeft, bool transposeRight)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor left = transposeLeft ? Tensor.From(device, [3, 2], [1f, 4f, 2f, 5f, 3f, 6f]) : Tensor.From(device, [2, 3], s_left);
        Tensor right = transposeRight ? Tensor.From(device, [2, 3], [1f, 2f, 1f, 0f, -1f, 3f]) : Tensor.From(device, [3, 2], s_right);
        Tensor product = Operators.MatrixMultiply(left, right, transposeLeft, transposeRight);
        Assert.AreEqual(new Shape(2, 2), product.Shape);
        CollectionAssert.AreEqual(new[] { 8f, 7f, 20f, 13f }, product.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void Accumulating_adds_in_place(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor sum = Tensor.From(device, [2, 2], [100f, 200f, 300f, 400f]);
        Tensor result = Operators.MatrixMultiply(Tensor.From(device, [2, 3], s_left), Tensor.From(device, [3, 2], s_right), accumulateInto: sum);
        Assert.AreSame(sum, result);
        CollectionAssert.AreEqual(new[] { 108f, 207f, 320f, 413f }, sum.ToArray());
    }

    [TestMethod]
    [DeviceRows(DType.Float32), DeviceRows(DType.BFloat16)]
    public void Operands_may_start_anywhere_in_their_memory(string id, DType dtype)
    {
        // One element into a block: four elements cannot be loaded at once there.
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var random = new Random(5);
        (int m, int n, int k) = (20, 24, 36);
        Tensor left = Tensor.From(
            device, [m * k + 1], Values(random, m * k + 1), dtype), right = Tensor.From(device, [n * k + 1], Values(random, n * k + 1), dtype);
        Tensor shifted = Operators.Linear(left.Slice(1, [m, k]), right.Slice(1, [n, k]));
        Tensor moved = Operators.Linear(
            Tensor.From(device, [m, k], left.ToArray().AsSpan(1), dtype), Tensor.From(device, [n, k], right.ToArray().AsSpan(1), dtype));
        CollectionAssert.AreEqual(moved.ToArray(), shifted.ToArray());
    }

    [TestMethod]
    [DeviceRows(0, 3, 2), DeviceRows(2, 0, 2), DeviceRows(2, 3, 0)]
    public void An_empty_side_gives_an_empty_or_zero_product(string id, int m, int k, int n)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor product = Operators.MatrixMultiply(Tensor.Zeros(device, [m, k]), Tensor.Zeros(device, [k, n]));
        Assert.AreEqual(new Shape(m, n), product.Shape);
        CollectionAssert.AreEqual(new float[m * n], product.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void What_does_not_fit_is_said_with_both_shapes(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor left = Tensor.Zeros(device, [2, 3]), right = Tensor.Zeros(device, [4, 5]);
        long launches = device.Statistics.Launches;
        var wrong = Assert.ThrowsExactly<ArgumentException>(() => Operators.MatrixMultiply(left, right));
        StringAssert.Contains(wrong.Message, "'right' has shape [4, 5], whose inner width 4 is not the 3 of the left [2, 3]");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Operators.MatrixMultiply(left, right, transposeRight: true)).Message, "[4, 5] (transposed)");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Operators.MatrixMultiply(left, Tensor.Zeros(device, [3]))).Message, "two axes");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Operators.MatrixMultiply(left, Tensor.Zeros(device, [3, 2], DType.BFloat16))).Message, "BFloat16");
        var sum = Assert.ThrowsExactly<ArgumentException>(() => Operators.MatrixMultiply(left, left, transposeRight: true, accumulateInto: left));
        StringAssert.Contains(sum.Message, "'accumulateInto' has shape [2, 3]");
        StringAssert.Contains(sum.Message, "[2, 2]");
        Assert.AreEqual(launches, device.Statistics.Launches);
    }

    [TestMethod]
    [DeviceRows(false, false), DeviceRows(false, true), DeviceRows(true, false), DeviceRows(true, true)]
    public void Gradients_are_those_of_the_formula(string id, bool transposeLeft, bool transposeRight)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        (int m, int n, int k) = (3, 5, 4);
        var random = new Random(7);
        Tensor left = Leaf(device, random, transposeLeft ? [k, m] : [m, k]), right = Leaf(device, random, transposeRight ? [n, k] : [k, n]);
        float[] a = left.ToArray(), b = right.ToArray(), d = Values(random, m * n);
        using (StepScope tape = device.BeginTape())
            tape.Backward(Operators.MatrixMultiply(left, right, transposeLeft, transposeRight), Tensor.From(device, [m, n], d));

        float[] expectedLeft = new float[m * k], expectedRight = new float[k * n];
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                for (int l = 0; l < k; l++)
                {
                    int atLeft = transposeLeft ? l * m + i : i * k + l, atRight = transposeRight ? j * k + l : l * n + j;
                    expectedLeft[atLeft] += d[i * n + j] * b[atRight];
                    expectedRight[atRight] += d[i * n + j] * a[atLeft];
                }
            }
        }

        AssertNear(expectedLeft, left.Gradient!);
        AssertNear(expectedRight, right.Gradient!);
    }

    [TestMethod]
    public void Accumulating_while_recording_is_refused()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        Tensor x = Leaf(device, new Random(1), [2, 2]);
        using StepScope tape = device.BeginTape();
        var wrong = Assert.ThrowsExactly<ArgumentException>(() => Operators.MatrixMultiply(x, x, accumulateInto: Tensor.Zeros(device, [2, 2])));
        StringAssert.Contains(wrong.Message, "accumulateInto");
    }

    [TestMethod]
    public void Results_do_not_depend_on_the_number_of_rows_beside()
    {
        // 100 rows are cut into other blocks than 37; each row must come out the same to the last bit.
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        var random = new Random(3);
        float[] rows = Values(random, 100 * 700);
        Tensor weight = Tensor.From(device, [90, 700], Values(random, 90 * 700));
        float[] all = Operators.Linear(Tensor.From(device, [100, 700], rows), weight).ToArray();
        float[] some = Operators.Linear(Tensor.From(device, [37, 700], rows.AsSpan(0, 37 * 700)), weight).ToArray();
        CollectionAssert.AreEqual(all[..some.Length], some);
    }

    internal static float[] Values(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2f - 1f)];

    internal static Tensor Leaf(ComputeDevice device, Random random, Shape shape)
    {
        Tensor leaf = Tensor.From(device, shape, Values(random, (int)shape.Count));
        leaf.RequiresGradient = true;
        return leaf;
    }

    internal static void AssertNear(float[] expected, Tensor actual)
    {
        float[] values = actual.ToArray();
        Assert.AreEqual(expected.Length, values.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], values[i], 1e-5f, $"element {i}");
    }
}
