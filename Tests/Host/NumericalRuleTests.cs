using GpuTransformer.Host;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests.Host;

[TestClass]
public sealed class NumericalRuleTests
{
    [TestMethod]
    [DataRow(DType.Float32, 1e-6)]
    [DataRow(DType.Float16, 1e-3)]
    [DataRow(DType.BFloat16, 8e-3)]
    public void The_floor_is_relative_to_the_largest_magnitude(DType dtype, double floor)
    {
        double[] exact = [0, -1024];
        Comparison within = Compare([(float)(1000 * floor), -1024f], exact, exact, dtype);
        Comparison beyond = Compare([(float)(1100 * floor), -1024f], exact, exact, dtype);
        Assert.AreEqual(1024 * floor, within.Limit, 1e-12);
        Assert.IsTrue(within.Passed);
        Assert.IsFalse(beyond.Passed);
        Assert.AreEqual(1100 * floor, beyond.Error, 1e-4 * floor * 1100);
    }

    [TestMethod]
    [DataRow(false, 2)]
    [DataRow(true, 3)]
    public void Twice_the_plain_error_passes_and_three_times_for_gradients(bool isGradient, int factor)
    {
        double[] exact = [1, 1], plain = [1, 1.125];
        Assert.IsTrue(NumericalRule.Compare("y", [1f + factor * 0.125f, 1f], exact, plain, DType.Float32, isGradient).Passed);
        Assert.IsFalse(NumericalRule.Compare("y", [1f + factor * 0.125f + 0.001f, 1f], exact, plain, DType.Float32, isGradient).Passed);
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    [DataRow(float.NegativeInfinity)]
    public void What_is_not_finite_never_passes(float value)
    {
        Comparison alone = Compare([value, 1f], [1, 1], [1, 1], DType.Float32);
        Assert.IsFalse(alone.Passed);
        Assert.AreEqual(double.PositiveInfinity, alone.Error);

        // Not even where the plain computation, or the oracle itself, fails alike.
        Assert.IsFalse(Compare([value, 1f], [1, 1], [double.NaN, 1], DType.Float32).Passed);
        Assert.IsFalse(Compare([value, 1f], [value, 1], [value, 1], DType.Float32).Passed);
    }

    [TestMethod]
    [DataRow(double.NaN)]
    [DataRow(double.PositiveInfinity)]
    public void An_oracle_that_is_not_finite_passes_nothing(double value)
    {
        Assert.IsFalse(Compare([1f, 1f], [1, value], [1, 1], DType.Float32).Passed);
        Assert.IsFalse(Compare([1f, 3f], [1, 1], [1, value], DType.Float32).Passed);
    }

    [TestMethod]
    public void All_zero_must_be_matched_exactly()
    {
        Assert.IsTrue(Compare([0f, -0f], [0, 0], [0, 0], DType.Float32).Passed);
        Assert.IsFalse(Compare([0f, 1e-30f], [0, 0], [0, 0], DType.Float32).Passed);
    }

    [TestMethod]
    public void Nothing_compared_with_nothing_passes() => Assert.IsTrue(Compare([], [], [], DType.Float32).Passed);

    [TestMethod]
    public void Different_lengths_are_an_error()
    {
        var error = Assert.ThrowsExactly<ArgumentException>(static () => Compare([1f], [1, 2], [1, 2], DType.Float32));
        Assert.Contains("y: 1 values were computed, 2 were expected", error.Message);
    }

    private static Comparison Compare(float[] actual, double[] exact, double[] plain, DType dtype)
        => NumericalRule.Compare("y", actual, exact, plain, dtype, isGradient: false);
}
