using GpuTransformer.Host;

namespace GpuTransformer.Tests.Host;

/// <summary>−∞ in a bias hides; a finite number never does, however low it is and wherever it overflows on its way to the score.</summary>
[TestClass]
public sealed class LowScoreTests
{
    private const int Queries = 5, Keys = 70, Width = 8;

    [TestMethod]
    [DeviceRows(float.MinValue, Simulator = true), DeviceRows(-1e30f, Simulator = true), DeviceRows(-3e38f, Simulator = true)]
    public void Equal_finite_scores_give_the_mean_of_the_values(string id, float bias)
    {
        Results r = Run(id, (_, _) => bias, 0f);
        for (int n = 0; n < r.Output.Length; n++)
            Assert.AreEqual(r.Mean(n % Width), r.Output[n], 1e-6f, $"query {n / Width}, column {n % Width}");
        Assert.IsTrue(r.LogSumExp.All(l => l == bias), "The logarithm of 70 is lost beside a score as low as that.");
        Assert.IsTrue(r.ValueGradient.All(static g => MathF.Abs(g - ((float)Queries / Keys)) < 1e-6f));
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void The_larger_of_two_very_low_scores_wins(string id)
    {
        Results r = Run(id, static (_, j) => j == 3 ? -3e38f : float.MinValue, 0f);
        for (int n = 0; n < r.Output.Length; n++)
            Assert.AreEqual(r.Values[(3 * Width) + (n % Width)], r.Output[n]);
    }

    // Every q·k is about −1e39, which no float32 holds.
    [TestMethod]
    [DeviceRows(false, Simulator = true), DeviceRows(true, Simulator = true)]
    public void Products_that_overflow_hide_nothing(string id, bool withBias)
    {
        Results r = Run(id, withBias ? static (_, _) => -1f : null, -1e19f);
        for (int n = 0; n < r.Output.Length; n++)
            Assert.AreEqual(r.Mean(n % Width), r.Output[n], 1e-6f, $"query {n / Width}, column {n % Width}");
        Assert.IsTrue(r.LogSumExp.All(static l => l == float.MinValue));
        Assert.IsTrue(r.ValueGradient.All(static g => MathF.Abs(g - ((float)Queries / Keys)) < 1e-6f));
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Minus_infinity_hides_and_a_query_without_any_other_is_zero(string id)
    {
        Results r = Run(id, static (i, j) => i == 1 || j != 2 ? float.NegativeInfinity : 0f, 0f);
        for (int n = 0; n < r.Output.Length; n++)
            Assert.AreEqual(n / Width == 1 ? 0f : r.Values[(2 * Width) + (n % Width)], r.Output[n]);
        Assert.AreEqual(-1e30f, r.LogSumExp[1]);
        Assert.IsTrue(r.QueryGradient.Concat(r.KeyGradient).Concat(r.BiasGradient).All(static g => g == 0f), "One key alone has no gradient but its value's.");
        for (int n = 0; n < r.ValueGradient.Length; n++)
            Assert.AreEqual(n / Width == 2 ? Queries - 1 : 0f, r.ValueGradient[n]);
    }

    // What is visible and not a number shows: nothing is swept under the rug.
    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void A_visible_NaN_shows_in_the_rows_that_see_it_and_in_no_other(string id)
    {
        Results r = Run(id, static (i, j) => j != 4 ? 0f : i == 2 ? float.NaN : float.NegativeInfinity, 0f);
        for (int n = 0; n < r.Output.Length; n++)
            Assert.AreEqual(n / Width == 2, float.IsNaN(r.Output[n]), $"query {n / Width}");
        for (int n = 0; n < r.BiasGradient.Length; n++)
            Assert.AreEqual(n / Keys == 2, float.IsNaN(r.BiasGradient[n]), $"query {n / Keys}, key {n % Keys}");
        Assert.IsTrue(r.QueryGradient.Skip(3 * Width).Concat(r.QueryGradient.Take(2 * Width)).All(float.IsFinite));
    }

    // Queries are 1e20 where keys are not zero, so that products overflow there; the output's gradient is one everywhere.
    private static Results Run(string id, Func<int, int, float>? bias, float keys)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope scope = device.BeginStep();
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, Keys * Width).Select(_ => (random.NextSingle() * 2) - 1)];
        float[] numbers = [.. Enumerable.Range(0, Queries * Keys).Select(n => bias?.Invoke(n / Keys, n % Keys) ?? 0f)];
        Tensor query = Tensor.From(device, [1, Queries, Width], [.. Enumerable.Repeat(keys == 0f ? 0f : 1e20f, Queries * Width)]);
        Tensor key = Tensor.From(device, [1, Keys, Width], [.. Enumerable.Repeat(keys, Keys * Width)]), value = Tensor.From(device, [1, Keys, Width], values);
        var options = new ScoreOptions { Heads = 1, Bias = bias is null ? null : Tensor.From(device, [1, 1, Queries, Keys], numbers) };
        Tensor logSumExp = Tensor.Empty(device, [1, 1, Queries]), normalizer = Tensor.Empty(device, [1, 1, Queries, 2]);
        Tensor output = Operators.Attention(query, key, value, options, logSumExp, normalizer);
        Tensor gradient = Tensor.From(device, output.Shape, [.. Enumerable.Repeat(1f, Queries * Width)]);
        AttentionGradients gradients = Operators.AttentionBackward(gradient, query, key, value, output, normalizer, options, bias is not null);
        return new Results(
            values,
            output.ToArray(),
            logSumExp.ToArray(),
            gradients.Query.ToArray(),
            gradients.Key.ToArray(),
            gradients.Value.ToArray(),
            gradients.Bias?.ToArray() ?? []);
    }

    private sealed record Results(
        float[] Values, float[] Output, float[] LogSumExp, float[] QueryGradient, float[] KeyGradient, float[] ValueGradient, float[] BiasGradient)
    {
        /// <summary>The mean of a column of the values.</summary>
        public float Mean(int column) => Enumerable.Range(0, Keys).Average(j => Values[(j * Width) + column]);
    }
}
