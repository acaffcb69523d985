using GpuTransformer.Host;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests.Host;

/// <summary>Attention's bias by distance: against the same bias written out, and what it costs.</summary>
[TestClass]
public sealed class AttentionDistanceTests
{
    [TestMethod]
    [DeviceRows(19, 30, 0, 7, 3), DeviceRows(30, 19, 2, 5, 4), DeviceRows(1, 90, 1, 200, 89), DeviceRows(70, 70, 0, 1, -50),
        DeviceRows(9, 9, 0, 4, int.MaxValue), DeviceRows(9, 9, 0, 4, int.MinValue)]
    public void It_is_the_written_out_bias(string id, int queries, int keys, int free, int span, int origin)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var data = new AttentionProblemData(new AttentionProblem(queries, keys, 8, 8) { FreeColumns = free }, 3, DType.Float32);
        float[] table = new CaseData(4, DType.Float32).Uniform(2 * span, 3f);
        int own = keys - free;
        float[] bias = [.. from h in Enumerable.Range(0, 2) from i in Enumerable.Range(0, queries) from j in Enumerable.Range(0, own)
            select table[h * span + (int)Math.Clamp((long)origin + j - (i + own - queries), 0, span - 1)]];
        ScoreOptions options = data.Options(device);
        float[] expected = Run(options with { Bias = Tensor.From(device, [1, 2, queries, own], bias) });
        float[] actual = Run(options with { DistanceBias = Tensor.From(device, [2, span], table), DistanceOrigin = origin });
        CollectionAssert.AreEqual(expected, actual);

        float[] Run(ScoreOptions o) => Operators.Attention(data.Query(device), data.Key(device), data.Value(device), o).ToArray();
    }

    // The bits of a gradient must not depend on who was faster.
    [TestMethod]
    [DeviceRows]
    public void Its_gradient_has_the_same_bits_every_time(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var problem = new AttentionProblem(100, 130, 24, 24) { Heads = 4, KeyValueHeads = 2, Distances = 20, DistanceOrigin = 10 };
        var data = new AttentionProblemData(problem, 8, DType.Float32);
        ScoreOptions options = data.Options(device);
        Tensor query = data.Query(device), key = data.Key(device), value = data.Value(device), normalizer = Tensor.Empty(device, [2, 4, 100, 2]);
        Tensor output = Operators.Attention(query, key, value, options, normalizer: normalizer);
        float[] first = Gradient(), second = Gradient();
        CollectionAssert.AreEqual(first, second);
        Assert.IsGreaterThan(0.01f, first.Max(MathF.Abs));

        float[] Gradient() => Operators.AttentionBackward(
            output, query, key, value, output, normalizer, options, wantsDistanceBias: true).DistanceBias!.ToArray();
    }

    [TestMethod]
    [DeviceRows(true), DeviceRows(false)]
    public void It_is_computed_only_for_a_table_that_wants_it(string id, bool wanted)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep(record: true);
        var data = new CaseData(5, DType.Float32);
        Tensor x = Tensor.From(device, [1, 6, 8], data.Uniform(48)), table = Tensor.From(device, [2, 5], data.Uniform(10));
        (wanted ? table : x).RequiresGradient = true;
        step.Backward((Operators.Attention(x, x, x, new ScoreOptions { Heads = 2, DistanceBias = table, DistanceOrigin = 2 }) * x).Sum());
        Assert.AreEqual(wanted, table.Gradient is not null);
        Assert.AreEqual(!wanted, x.Gradient is not null);
    }

    [TestMethod]
    [DeviceRows]
    public void Without_a_table_it_has_no_gradient_to_ask_for(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor x = Tensor.Zeros(device, [1, 6, 8]), normalizer = Tensor.Zeros(device, [1, 2, 6, 2]);
        ArgumentException wrong = Assert.ThrowsExactly<ArgumentException>(
            () => Operators.AttentionBackward(x, x, x, x, x, normalizer, new ScoreOptions { Heads = 2 }, wantsDistanceBias: true));
        Assert.Contains("DistanceBias", wrong.Message);
    }

    // Rows of scores would be 36 MB.
    [TestMethod]
    [DeviceRows]
    public void Memory_grows_with_the_length_alone(string id)
    {
        const int Length = 3000, Dim = 4;
        ComputeDevice device = TestDevices.Get(id);
        if (device.Kind == DeviceKind.Simulator)
            Assert.Inconclusive("Too long for the simulator.");
        long peak = 0;
        for (int run = 0; run < 2; run++)
        {
            using StepScope step = device.BeginStep();
            Tensor x = Tensor.Zeros(device, [1, Length, Dim]), normalizer = Tensor.Empty(device, [1, 1, Length, 2]);
            var options = new ScoreOptions { Heads = 1, DistanceBias = Tensor.Zeros(device, [1, 65]), DistanceOrigin = 32 };
            device.Statistics.ResetPeak();
            long before = device.Statistics.BytesInUse;
            Tensor output = Operators.Attention(x, x, x, options, normalizer: normalizer);
            Operators.AttentionBackward(x, x, x, x, output, normalizer, options, wantsDistanceBias: true);
            device.Synchronize();
            peak = device.Statistics.PeakBytesInUse - before;
        }

        Assert.IsLessThan(4_000_000L, peak);
    }
}
