using GpuTransformer.Host;
using GpuTransformer.Kernels;
using GpuTransformer.Validation;

namespace GpuTransformer.Tests.Host;

/// <summary>What the validation sweep cannot say about attention: refusals, exact zeros, memory, and laws that hold whatever the numbers.</summary>
[TestClass]
public sealed class AttentionTests
{
    private static readonly ScoreOptions s_twoHeads = new() { Heads = 2 };

    [TestMethod]
    [DeviceRows]
    public void What_does_not_fit_is_said_with_both_shapes(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor query = Tensor.Zeros(device, [2, 5, 8]), key = Tensor.Zeros(device, [2, 7, 8]);
        long launches = device.Statistics.Launches;
        Wrong("'query' has shape [2, 40]", "[batch, queries, heads · headDim]", Tensor.Zeros(device, [2, 40]), key, key, s_twoHeads);
        Wrong("'query' has shape [2, 5, 8]", "3 heads", query, key, key, new ScoreOptions { Heads = 3 });
        Wrong("'key' has shape [2, 7, 6]", "[2, 5, 8]", query, Tensor.Zeros(device, [2, 7, 6]), key, s_twoHeads);
        Wrong("'key' has shape [3, 7, 8]", "[2, 5, 8]", query, Tensor.Zeros(device, [3, 7, 8]), Tensor.Zeros(device, [3, 7, 8]), s_twoHeads);
        Wrong("'value' has shape [2, 6, 8]", "[2, 7, 8]", query, key, Tensor.Zeros(device, [2, 6, 8]), s_twoHeads);
        Wrong("'value' has shape [2, 7, 9]", "2 key/value heads", query, key, Tensor.Zeros(device, [2, 7, 9]), s_twoHeads);
        Wrong("'key' holds BFloat16", "Float32", query, Tensor.Zeros(device, [2, 7, 8], DType.BFloat16), key, s_twoHeads);
        Wrong("3 key/value heads", "2 query heads", query, key, key, s_twoHeads with { KeyValueHeads = 3 });
        Wrong(
            "heads of width 300",
            "1 to 256",
            Tensor.Zeros(device, [1, 1, 300]),
            Tensor.Zeros(device, [1, 1, 300]),
            Tensor.Zeros(device, [1, 1, 300]),
            new ScoreOptions { Heads = 1 });
        Wrong("'query' has shape [2, 5, 8]", "[batch, heads, queries, headDim]", query, key, key, s_twoHeads with { Layout = AttentionLayout.HeadMajor });
        Wrong("'KeyMask' has shape [2, 5]", "[2, 7]", query, key, key, s_twoHeads with { KeyMask = Tensor.Zeros(device, [2, 5], DType.Bool) });
        Wrong("'Mask' has shape [5, 7]", "[2, 2, 5, 7]", query, key, key, s_twoHeads with { Mask = Tensor.Zeros(device, [5, 7], DType.Bool) });
        Wrong("'Bias' has shape [1, 3, 5, 7]", "[2, 2, 5, 7]", query, key, key, s_twoHeads with { Bias = Tensor.Zeros(device, [1, 3, 5, 7]) });
        Wrong("'AlibiSlopes' has shape [3]", "[2]", query, key, key, s_twoHeads with { AlibiSlopes = Tensor.Zeros(device, [3]) });
        Wrong(
            "'AlibiPositions'",
            "5 queries and 7 keys",
            query,
            key,
            key,
            s_twoHeads with { AlibiSlopes = Tensor.Zeros(device, [2]), AlibiPositions = Tensor.Zeros(device, [1, 1, 7]) });
        Wrong("'AlibiPositions'", "without AlibiSlopes", query, key, key, s_twoHeads with { AlibiPositions = Tensor.Zeros(device, [1, 1, 7]) });
        Wrong("'DistanceBias' has shape [3, 4]", "[2, span]", query, key, key, s_twoHeads with { DistanceBias = Tensor.Zeros(device, [3, 4]) });
        Wrong("'DistanceBias' has shape [2]", "[2, span]", query, key, key, s_twoHeads with { DistanceBias = Tensor.Zeros(device, [2]) });
        Wrong("'DistanceBias' has shape [2, 0]", "at least one", query, key, key, s_twoHeads with { DistanceBias = Tensor.Zeros(device, [2, 0]) });
        Wrong("'DistanceOrigin' is 3", "without a DistanceBias", query, key, key, s_twoHeads with { DistanceOrigin = 3 });
        Wrong(
            "'DistanceBias'",
            "AlibiSlopes",
            query,
            key,
            key,
            s_twoHeads with { DistanceBias = Tensor.Zeros(device, [2, 4]), AlibiSlopes = Tensor.Zeros(device, [2]) });
        Wrong("8 free columns", "[2, 7, 8]", query, key, key, s_twoHeads with { FreeColumns = 8 });
        Wrong("soft clamp at 0", "positive", query, key, key, s_twoHeads with { SoftClamp = 0f });
        Wrong("window of -1", "0 or more", query, key, key, s_twoHeads with { Window = -1 });
        Wrong("dropout of 1", "[0, 1)", query, key, key, s_twoHeads with { Dropout = 1f });
        Wrong("scale of NaN", "finite", query, key, key, s_twoHeads with { Scale = float.NaN });
        ArgumentException wrong = Assert.ThrowsExactly<ArgumentException>(
            () => Operators.Attention(query, key, key, s_twoHeads, Tensor.Zeros(device, [2, 5, 2])));
        Assert.Contains("'logSumExp' has shape [2, 5, 2]", wrong.Message);
        wrong = Assert.ThrowsExactly<ArgumentException>(() => Operators.Attention(query, key, key, s_twoHeads, normalizer: Tensor.Zeros(device, [2, 2, 5])));
        Assert.Contains("'normalizer' has shape [2, 2, 5]", wrong.Message);
        Assert.AreEqual(launches, device.Statistics.Launches);
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void A_query_that_sees_no_key_is_exactly_zero_and_stores_the_dead_log_sum_exp(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var data = new CaseData(3, DType.Float32);
        Tensor query = Tensor.From(
            device, [1, 5, 4], data.Uniform(20)), key = Tensor.From(device, [1, 3, 4], data.Uniform(12)), logSumExp = Tensor.Empty(device, [1, 1, 5]);

        // Five queries end with three keys: the first two come before all of them. Without the first key, so does the third.
        var options = new ScoreOptions { Heads = 1, Causal = CausalAlignment.BottomRight, KeyMask = Tensor.From(device, [1, 3], [false, true, true]) };
        float[] output = Operators.Attention(query, key, key, options, logSumExp).ToArray(), logs = logSumExp.ToArray();
        Assert.AreEqual(-1, output.AsSpan(0, 12).IndexOfAnyExcept(0f));
        Assert.IsFalse(output.AsSpan(12).Contains(0f));
        CollectionAssert.AreEqual(new[] { -1e30f, -1e30f, -1e30f }, logs[..3]);
        Assert.IsTrue(logs[3..].All(static v => MathF.Abs(v) < 10f));

        // The fourth sees one key: its value, unweighted.
        CollectionAssert.AreEqual(key.ToArray()[4..8], output[12..16]);
    }

    [TestMethod]
    [DeviceRows(Simulator = true)]
    public void Equal_scores_average_the_values(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor query = Tensor.Zeros(device, [1, 1, 2, 3]), key = Tensor.From(device, [1, 1, 4, 3], new CaseData(1, DType.Float32).Uniform(12));
        Tensor value = Tensor.From(device, [1, 1, 4, 2], [1f, 10f, 2f, 20f, 3f, 30f, 6f, 60f]), logSumExp = Tensor.Empty(device, [1, 1, 2]);
        Tensor output = Operators.Attention(query, key, value, new ScoreOptions { Heads = 1, Layout = AttentionLayout.HeadMajor }, logSumExp);
        Assert.AreEqual(new Shape(1, 1, 2, 2), output.Shape);
        AssertClose([3f, 30f, 3f, 30f], output.ToArray(), 1e-5f);
        AssertClose([MathF.Log(4f), MathF.Log(4f)], logSumExp.ToArray(), 1e-6f);
    }

    [TestMethod]
    [DeviceRows]
    public void Causality_with_padding_is_the_mask_that_both_make(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        const int Queries = 70, Keys = 90, Dim = 16;
        var data = new CaseData(5, DType.Float32);
        Tensor query = Tensor.From(
            device,
            [2, Queries, 2 * Dim],
            data.Uniform(2 * Queries * 2 * Dim)), key = Tensor.From(device, [2, Keys, 2 * Dim], data.Uniform(2 * Keys * 2 * Dim));
        bool[] keep = data.Flags(2 * Keys, 0.7);
        var mask = new bool[2 * Queries * Keys];
        for (int n = 0; n < mask.Length; n++)
            mask[n] = keep[n / (Queries * Keys) * Keys + n % Keys] && n % Keys <= n / Keys % Queries + Keys - Queries;
        Tensor one = Operators.Attention(
            query, key, key, s_twoHeads with { Causal = CausalAlignment.BottomRight, KeyMask = Tensor.From(device, [2, Keys], keep) });
        Tensor other = Operators.Attention(query, key, key, s_twoHeads with { Mask = Tensor.From(device, [2, 1, Queries, Keys], mask) });
        AssertClose(other.ToArray(), one.ToArray(), 1e-6f);
    }

    [TestMethod]
    [DeviceRows]
    public void The_order_of_keys_does_not_matter(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        const int Keys = 150, Dim = 24;
        var data = new CaseData(9, DType.Float32);
        float[] keys = data.Uniform(Keys * Dim, 2f), values = data.Uniform(Keys * Dim);
        Tensor query = Tensor.From(device, [1, 40, Dim], data.Uniform(40 * Dim, 2f));
        var options = new ScoreOptions { Heads = 1 };
        Tensor inOrder = Operators.Attention(query, Tensor.From(device, [1, Keys, Dim], keys), Tensor.From(device, [1, Keys, Dim], values), options);
        int[] order = [.. Enumerable.Range(0, Keys)];
        new Random(2).Shuffle(order);
        Tensor shuffled = Operators.Attention(
            query, Tensor.From(device, [1, Keys, Dim], Permute(keys)), Tensor.From(device, [1, Keys, Dim], Permute(values)), options);
        AssertClose(inOrder.ToArray(), shuffled.ToArray(), 2e-6f);

        float[] Permute(float[] rows) => [.. order.SelectMany(j => rows.AsSpan(j * Dim, Dim).ToArray())];
    }

    [TestMethod]
    [DeviceRows]
    public void Memory_is_linear_in_length_and_the_second_call_asks_for_none(string id)
    {
        ComputeDevice device = TestDevices.GetSettled(id);
        const int Length = 1500, Dim = 8;
        long peak = 0, allocations = 0, compiled = 0;
        for (int pass = 0; pass < 2; pass++)
        {
            using StepScope step = device.BeginStep();
            Tensor x = Tensor.Zeros(device, [1, Length, Dim]), normalizer = Tensor.Empty(device, [1, 1, Length, 2]);
            var options = new ScoreOptions { Heads = 1, Causal = CausalAlignment.BottomRight };
            allocations = device.Statistics.Allocations;
            compiled = device.Statistics.CompiledKernels;
            device.Statistics.ResetPeak();
            long before = device.Statistics.BytesInUse;
            Tensor output = Operators.Attention(x, x, x, options, normalizer: normalizer);
            Operators.AttentionBackward(x, x, x, x, output, normalizer, options);
            device.Synchronize();
            peak = device.Statistics.PeakBytesInUse - before;
        }

        // The output, three gradients and a number per query, each in a block of its own; one array of scores would be 9 MB.
        Assert.IsLessThan(8L * Length * Dim * sizeof(float), peak);
        Assert.AreEqual(allocations, device.Statistics.Allocations);
        Assert.AreEqual(compiled, device.Statistics.CompiledKernels);
    }

    [TestMethod]
    [DeviceRows]
    public void Nothing_to_attend_or_nobody_to_attend_is_no_error(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        Tensor some = Tensor.From(device, [2, 3, 4], new CaseData(4, DType.Float32).Uniform(24)), none = Tensor.Empty(device, [2, 0, 4]);
        CollectionAssert.AreEqual(new float[24], Operators.Attention(some, none, none, s_twoHeads).ToArray());
        Assert.AreEqual(new Shape(2, 0, 4), Operators.Attention(none, some, some, s_twoHeads).Shape);
    }

    [TestMethod]
    [DeviceRows]
    public void Gradients_are_the_slopes_of_the_loss(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var problem = new AttentionProblem(6, 11, 5, 7)
        {
            Batch = 1, Heads = 4, KeyValueHeads = 2, Causal = CausalAlignment.BottomRight, Window = 8, KeyMask = true, Bias = AttentionAxes.Head, Alibi = true,
            SoftClamp = 3f, FreeColumns = 2,
        };
        var data = new AttentionProblemData(problem, 5, DType.Float32);
        ScoreOptions options = data.Options(device);
        Tensor[] inputs = [data.Query(device), data.Key(device), data.Value(device), options.Bias!];
        Tensor normalizer = Tensor.Empty(device, [1, 4, 6, 2]), output = Operators.Attention(inputs[0], inputs[1], inputs[2], options, normalizer: normalizer);
        float[] weights = new CaseData(6, DType.Float32).Uniform(output.Shape.Count);
        AttentionGradients found = Operators.AttentionBackward(
            Tensor.From(device, output.Shape, weights), inputs[0], inputs[1], inputs[2], output, normalizer, options, wantsBias: true);
        Tensor[] gradients = [found.Query, found.Key, found.Value, found.Bias!];
        for (int which = 0; which < inputs.Length; which++)
        {
            float[] values = inputs[which].ToArray(), gradient = gradients[which].ToArray();
            float largest = gradient.Max(MathF.Abs);
            Assert.IsGreaterThan(0.01f, largest);
            for (int i = 0; i < values.Length; i += 13)
            {
                const float Step = 1f / 64;
                double slope = (Loss(which, values, i, Step) - Loss(which, values, i, -Step)) / (2 * Step);
                Assert.AreEqual(slope, gradient[i], 3e-3 * largest, $"input {which}, element {i}");
            }
        }

        double Loss(int which, float[] values, int index, float change)
        {
            float[] moved = [.. values];
            moved[index] += change;
            inputs[which].Write(moved);
            float[] y = Operators.Attention(inputs[0], inputs[1], inputs[2], options).ToArray();
            inputs[which].Write(values);
            return y.Zip(weights, static (a, w) => (double)a * w).Sum();
        }
    }

    [TestMethod]
    [DeviceRows]
    public void Backward_gives_the_same_bits_every_time(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var problem = new AttentionProblem(70, 100, 24, 24) { Heads = 4, KeyValueHeads = 2, Bias = AttentionAxes.None };
        var data = new AttentionProblemData(problem, 8, DType.Float32);
        ScoreOptions options = data.Options(device);
        Tensor query = data.Query(device), key = data.Key(device), value = data.Value(device), normalizer = Tensor.Empty(device, [2, 4, 70, 2]);
        Tensor output = Operators.Attention(query, key, value, options, normalizer: normalizer);
        AttentionGradients first = Operators.AttentionBackward(output, query, key, value, output, normalizer, options, wantsBias: true);
        AttentionGradients second = Operators.AttentionBackward(output, query, key, value, output, normalizer, options, wantsBias: true);
        CollectionAssert.AreEqual(first.Query.ToArray(), second.Query.ToArray());
        CollectionAssert.AreEqual(first.Key.ToArray(), second.Key.ToArray());
        CollectionAssert.AreEqual(first.Value.ToArray(), second.Value.ToArray());
        CollectionAssert.AreEqual(first.Bias!.ToArray(), second.Bias!.ToArray());
    }

    [TestMethod]
    [DeviceRows(40), DeviceRows(80)]
    public void A_query_that_sees_one_key_gives_its_value_all_and_itself_and_the_key_no_gradient(string id, int dim)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        var data = new CaseData(11, DType.Float32);
        Tensor query = Tensor.From(device, [2, 1, 3, dim], data.Uniform(6 * dim, 4f)), key = Tensor.From(device, [2, 1, 1, dim], data.Uniform(2 * dim, 4f));
        Tensor value = Tensor.From(
            device,
            [2, 1, 1, dim],
            data.Uniform(2 * dim)), outputGradient = Tensor.From(device, [2, 1, 3, dim], data.Uniform(6 * dim)),
                normalizer = Tensor.Empty(device, [2, 1, 3, 2]);
        var options = new ScoreOptions { Heads = 1, Layout = AttentionLayout.HeadMajor };
        Tensor output = Operators.Attention(query, key, value, options, normalizer: normalizer);
        AttentionGradients gradients = Operators.AttentionBackward(outputGradient, query, key, value, output, normalizer, options);
        CollectionAssert.AreEqual(new float[6 * dim], gradients.Query.ToArray());
        CollectionAssert.AreEqual(new float[2 * dim], gradients.Key.ToArray());
        float[] given = outputGradient.ToArray(), received = gradients.Value.ToArray();
        for (int i = 0; i < received.Length; i++)
        {
            int first = i / dim * 3 * dim + i % dim;
            Assert.AreEqual(given[first] + given[first + dim] + given[first + 2 * dim], received[i], 1e-6f);
        }
    }

    [TestMethod]
    public void The_sweep_says_truly_which_problems_have_dead_rows()
    {
        foreach (AttentionProblem problem in AttentionProblem.Sweep.Where(static p => p.Size != ValidationSize.Full))
        {
            var data = new AttentionProblemData(problem, 1, DType.Float32);
            AttentionInputs<float> inputs = data.Inputs<float>();
            bool dead = AttentionReference.Rows(data.Shape).Any(
                row => AttentionReference.VisibleKeys(data.Shape, data.Rules, inputs, row.Batch, row.Head, row.Query).Length == 0);
            Assert.AreEqual(problem.DeadRows, dead, problem.ToString());
        }
    }

    private static void Wrong(string what, string wanted, Tensor query, Tensor key, Tensor value, ScoreOptions options)
    {
        ArgumentException wrong = Assert.ThrowsExactly<ArgumentException>(() => Operators.Attention(query, key, value, options));
        Assert.Contains(what, wrong.Message);
        Assert.Contains(wanted, wrong.Message);
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], tolerance, $"element {i}");
    }
}
