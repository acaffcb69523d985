using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

[TestClass]
public sealed class ShapeTests
{
    [TestMethod]
    [DataRow(new int[0], 1L, "[]")]
    [DataRow(new[] { 5 }, 5L, "[5]")]
    [DataRow(new[] { 2, 0, 3 }, 0L, "[2, 0, 3]")]
    [DataRow(new[] { 2, 64, 256 }, 32768L, "[2, 64, 256]")]
    [DataRow(new[] { int.MaxValue, 4 }, 4L * int.MaxValue, "[2147483647, 4]")]
    public void Counts_its_elements(int[] lengths, long count, string text)
    {
        Shape shape = lengths;
        Assert.AreEqual(count, shape.Count);
        Assert.AreEqual(lengths.Length, shape.Rank);
        Assert.AreEqual(text, shape.ToString());
        CollectionAssert.AreEqual(lengths, shape.ToArray());
    }

    [TestMethod]
    public void The_default_is_a_scalar()
    {
        Assert.AreEqual(1, default(Shape).Count);
        Assert.AreEqual(0, default(Shape).Rank);
        Assert.AreEqual(default, new Shape([]));
        Assert.AreEqual("[]", default(Shape).ToString());
        Assert.IsEmpty(default(Shape));
    }

    [TestMethod]
    public void Axes_count_from_either_end()
    {
        Shape shape = [2, 3, 5];
        Assert.AreEqual(2, shape[0]);
        Assert.AreEqual(5, shape[^1]);
        Assert.AreEqual(new Shape(2, 3, 7), shape.WithLast(7));
        Assert.ThrowsExactly<IndexOutOfRangeException>(() => shape[3]);
        Assert.ThrowsExactly<InvalidOperationException>(() => default(Shape).WithLast(1));
    }

    [TestMethod]
    public void Equality_is_axis_by_axis()
    {
        Shape shape = [2, 3];
        Assert.IsTrue(shape == new Shape(2, 3));
        Assert.IsTrue(shape != new Shape(3, 2));
        Assert.IsTrue(shape != new Shape(2, 3, 1));
        Assert.IsFalse(shape.Equals("[2, 3]"));
        Assert.AreEqual(shape.GetHashCode(), new Shape(2, 3).GetHashCode());
    }

    [TestMethod]
    public void A_negative_axis_is_an_error()
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(static () => new Shape(2, -1));
        Assert.Contains("-1", error.Message);
    }

    [TestMethod]
    [DataRow(new[] { 1 << 30, 1 << 30 })]
    [DataRow(new[] { int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue })]
    public void More_elements_than_bytes_can_be_counted_is_an_error(int[] lengths)
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new Shape(lengths));
        Assert.Contains(lengths[0].ToString(), error.Message);
    }

    [TestMethod]
    public void The_largest_shape_still_has_a_size_in_bytes()
    {
        Shape largest = [1 << 29, 1 << 30];
        Assert.AreEqual(1L << 59, largest.Count);
        Assert.IsGreaterThan(0, checked(MemoryPool.RoundUp(largest.Count * DType.Int64.SizeInBytes())));
    }

    [TestMethod]
    public void An_empty_axis_makes_any_shape_empty()
        => Assert.AreEqual(0, new Shape(int.MaxValue, int.MaxValue, int.MaxValue, 0).Count);

    [TestMethod]
    public void Random_shapes_multiply_out()
    {
        var random = new Random(7);
        for (int i = 0; i < 200; i++)
        {
            int[] lengths = [.. Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(9))];
            Assert.AreEqual(lengths.Aggregate(1L, static (count, length) => count * length), new Shape(lengths).Count, string.Join(", ", lengths));
        }
    }
}
