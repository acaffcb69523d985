using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

[TestClass]
public sealed class BatchedMatrixMultiplyTests
{
    // Each batch shape pair, and whether the kernel walks it as it is: three axes that repeat in turn are more than it has.
    [TestMethod]
    [DeviceRows("2,3", "2,3"), DeviceRows("2,1", "3"), DeviceRows("", "4"), DeviceRows("4", ""), DeviceRows("2,1,3", "1,2,3")]
    public void Matrices_are_multiplied_one_by_one_and_batches_broadcast(string id, string leftBatch, string rightBatch)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        foreach ((bool transposeLeft, bool transposeRight) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            const int M = 3, N = 5, K = 4;
            Shape l = [.. Lengths(leftBatch), .. transposeLeft ? new[] { K, M } : [M, K]],
                r = [.. Lengths(rightBatch), .. transposeRight ? new[] { N, K } : [K, N]];
            Tensor left = Tensor.From(device, l, GradientCheck.Values((int)l.Count, 1)), right = Tensor.From(device, r, GradientCheck.Values((int)r.Count, 2));
            Tensor product = Operators.BatchedMatrixMultiply(left, right, transposeLeft, transposeRight);

            // Row i of op(A) times column j of op(B), through the elementwise product of both, each repeated along the other's axis.
            Tensor a = transposeLeft ? left.Transpose(-1, -2) : left, b = transposeRight ? right : right.Transpose(-1, -2);
            Tensor rows = a.Reshape([.. a.Shape.Lengths[..^1], 1, K]), columns = b.Reshape([.. b.Shape.Lengths[..^2], 1, N, K]);
            Tensor expected = (rows * columns).Sum(-1);
            Assert.AreEqual(expected.Shape, product.Shape);
            float[] wanted = expected.ToArray(), got = product.ToArray();
            for (int i = 0; i < wanted.Length; i++)
                Assert.AreEqual(wanted[i], got[i], 1e-5f, $"{l} times {r}, element {i}");
        }
    }

    [TestMethod]
    [DeviceRows]
    public void Gradients_agree_with_finite_differences(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        GradientCheck.Agrees(device, static t => Operators.BatchedMatrixMultiply(t[0], t[1]), Input([2, 2, 3], 1), Input([2, 3, 2], 2));
        GradientCheck.Agrees(device, static t => Operators.BatchedMatrixMultiply(t[0], t[1], transposeRight: true), Input([2, 1, 2, 3], 1),
            Input([2, 2, 3], 2));
        GradientCheck.Agrees(device, static t => Operators.BatchedMatrixMultiply(t[0], t[1], transposeLeft: true), Input([3, 2], 1), Input([2, 3, 2], 2));
        GradientCheck.Agrees(device, static t => Operators.BatchedMatrixMultiply(t[0], t[1], true, true), Input([2, 3, 2], 1), Input([2, 2, 3], 2));
        GradientCheck.Agrees(device, static t => Operators.BatchedMatrixMultiply(t[0], t[1]), Input([2, 2, 3], 1), Input([3, 2], 2));
    }

    [TestMethod]
    [DeviceRows("0", "0", 2, 3), DeviceRows("2", "2", 0, 3), DeviceRows("2", "2", 2, 0)]
    public void What_is_empty_gives_empty_or_zero(string id, string leftBatch, string rightBatch, int m, int k)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor product = Operators.BatchedMatrixMultiply(
            Tensor.Zeros(device, [.. Lengths(leftBatch), m, k]), Tensor.Zeros(device, [.. Lengths(rightBatch), k, 4]));
        Assert.AreEqual(new Shape([.. Lengths(leftBatch), m, 4]), product.Shape);
        CollectionAssert.AreEqual(new float[product.Shape.Count], product.ToArray());
    }

    [TestMethod]
    [DeviceRows]
    public void What_does_not_fit_is_said_with_both_shapes(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor left = Tensor.Zeros(device, [2, 4, 3]);
        long launches = device.Statistics.Launches;
        Wrong(Tensor.Zeros(device, [2, 4, 5]), "'right' has shape [2, 4, 5], whose inner width 4 is not the 3 of the left [2, 4, 3]");
        Wrong(Tensor.Zeros(device, [3, 3, 5]), "'right' has shape [3], which cannot be broadcast with [2]");
        Wrong(Tensor.Zeros(device, [3]), "matrices need two axes");
        Wrong(Tensor.Zeros(device, [2, 3, 5], DType.BFloat16), "BFloat16");
        Assert.AreEqual(launches, device.Statistics.Launches - 4 * Zeroing(device), "Nothing but the zeros was launched.");

        void Wrong(Tensor right, string message)
            => StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Operators.BatchedMatrixMultiply(left, right)).Message, message);
    }

    // How many launches a tensor of zeros takes on this device.
    private static long Zeroing(ComputeDevice device)
    {
        long before = device.Statistics.Launches;
        using Tensor zeros = Tensor.Zeros(device, [1]);
        return device.Statistics.Launches - before;
    }

    private static int[] Lengths(string batch) => batch.Length == 0 ? []
        : Array.ConvertAll(batch.Split(','), static n => int.Parse(n, System.Globalization.CultureInfo.InvariantCulture));

    private static (Shape Shape, float[] Values) Input(Shape shape, int seed) => (shape, GradientCheck.Values(checked((int)shape.Count), seed));
}
