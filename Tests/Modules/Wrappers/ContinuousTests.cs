using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Vectors to vectors: means and variances, pooling, the next-vector loss and what it writes.</summary>
[TestClass]
public sealed class ContinuousTests
{
    private const int Width = 3;

    private static readonly AttentionLayersOptions s_stack = new() { Dim = 8, Depth = 1, Heads = 2, Attn = new() { DimHead = 4 }, Ff = new() { Mult = 1 } };

    private static readonly ContinuousTransformerWrapperOptions s_options = new() { DimIn = Width, DimOut = Width, MaxSeqLen = 6 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod, DeviceRows]
    public void Means_and_variances_are_channels_by_turns(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using ContinuousTransformerWrapper both = Build(device, s_options with { Probabilistic = true }), wide = Build(
            device, s_options with { DimOut = 2 * Width });
        Tensor x = Vectors(device, 1, [2, 4, Width]), output = both.Forward(x);
        Assert.AreEqual(new Shape(2, 2, 4, Width), output.Shape);
        float[] channels = wide.Forward(x).ToArray();
        AssertClose([.. channels.Where(static (_, i) => i % 2 == 0), .. channels.Where(static (_, i) => i % 2 == 1).Select(MathF.Exp)], output.ToArray());
        using ContinuousTransformerWrapper bare = Build(device, s_options with { Probabilistic = true, DimOut = null });
        Assert.AreEqual(new Shape(2, 2, 4, 4), bare.Forward(x).Shape);
    }

    [TestMethod]
    public void A_projection_that_changes_no_width_may_be_left_out()
    {
        static string[] Names(ContinuousTransformerWrapperOptions options)
        {
            using ContinuousTransformerWrapper model = Build(Cpu, options with { UseIdentityIfSameDim = true });
            return [.. model.NamedParameters().Select(static p => p.Name).Where(static name => name.StartsWith("project", StringComparison.Ordinal))];
        }

        Assert.IsEmpty(Names(s_options with { DimIn = 8, DimOut = 8 }));
        CollectionAssert.AreEqual(new[] { "project_in.weight" }, Names(s_options with { DimIn = 4, DimOut = 4, Probabilistic = true }));
        Assert.HasCount(2, Names(s_options));
    }

    [TestMethod, DeviceRows]
    public void The_mean_is_over_what_is_visible(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using ContinuousTransformerWrapper each = Build(device, s_options with { NumMemoryTokens = 2 }), pooled = Build(
            device, s_options with { NumMemoryTokens = 2, AveragePoolEmbed = true });
        var inputs = new SequenceInputs(Vectors(device, 1, [1, 4, Width])) { Lens = Tensor.From(device, [1], [3]) };
        float[] rows = each.Forward(inputs).ToArray();
        float[] mean = [.. Enumerable.Range(0, Width).Select(c => (rows[c] + rows[Width + c] + rows[2 * Width + c]) / 3)];
        Tensor output = pooled.Forward(inputs);
        Assert.AreEqual(new Shape(1, Width), output.Shape);
        AssertClose(mean, output.ToArray());
        Assert.AreEqual(new Shape(1, 8), pooled.Embeddings(inputs).Shape);
    }

    [TestMethod]
    [DataRow(false, false)]
    [DataRow(true, false)]
    [DataRow(false, true)]
    public void The_loss_is_how_far_the_next_vector_is(bool l1, bool probabilistic)
    {
        using StepScope step = Cpu.BeginStep();
        Tensor x = Vectors(Cpu, 3, [2, 4, Width]), mask = Tensor.From(Cpu, [2, 4], [true, true, true, true, true, true, false, false]);
        foreach (bool equal in new[] { false, true })
        {
            using var model = new ContinuousAutoregressiveWrapper(
                Build(Cpu, s_options with { Probabilistic = probabilistic }), new() { UseL1Loss = l1, EqualLossWeightBatch = equal });
            double[] each = Losses(mask), all = Losses(null);
            Assert.AreEqual(all.Average(), model.Loss(x).Item(), 1e-5);
            double expected = equal ? (each[..9].Sum() / 3 + each[9..15].Sum() / 2) / 2 : each[..15].Average();
            Assert.AreEqual(expected, model.Loss(x, mask).Item(), 1e-5);
            Assert.AreEqual(expected, model.Loss(new SequenceInputs(x) { Lens = Tensor.From(Cpu, [2], [4, 2]) }).Item(), 1e-5);
            Assert.AreEqual(0f, model.Loss(x, Tensor.From(Cpu, [2, 4], new bool[8])).Item());

            double[] Losses(Tensor? seen)
            {
                float[] given = model.Net.Forward(x.Narrow(1, 0, 3), seen?.Narrow(1, 0, 3)).ToArray(), target = x.Narrow(1, 1, 3).ToArray();
                return [.. target.Select((value, i) => One(given[i] - value, probabilistic ? given[target.Length + i] : 1))];
            }
        }

        double One(double difference, double variance)
            => probabilistic ? 0.5 * (Math.Log(variance) + difference * difference / variance) : l1 ? Math.Abs(difference) : difference * difference;
    }

    [TestMethod, DeviceRows]
    public void A_NaN_in_padding_reaches_neither_the_loss_nor_a_gradient(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        foreach (bool probabilistic in new[] { false, true })
        {
            using var model = new ContinuousAutoregressiveWrapper(Build(device, s_options with { Probabilistic = probabilistic }));
            float[] values = GradientCheck.Values(5 * Width, 4);
            values.AsSpan(4 * Width).Fill(float.NaN);
            using StepScope step = device.BeginStep(record: true);
            foreach ((_, Tensor parameter) in model.NamedParameters())
                parameter.RequiresGradient = true;
            Tensor loss = model.Loss(Tensor.From(device, [1, 5, Width], values), Tensor.From(device, [1, 5], [true, true, true, false, false]));
            Assert.IsTrue(float.IsFinite(loss.Item()));
            step.Backward(loss);
            foreach ((string name, Tensor parameter) in model.NamedParameters().Where(static p => p.Value.Gradient is not null))
                Assert.IsTrue(parameter.Gradient!.ToArray().All(float.IsFinite), name);
        }
    }

    [TestMethod, DeviceRows]
    public void What_it_writes_is_what_the_model_gives(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new ContinuousAutoregressiveWrapper(Build(device, s_options));
        Tensor all = Vectors(device, 5, [2, 3, Width]), written = model.Generate(all, 5);
        Assert.AreEqual(new Shape(2, 5, Width), written.Shape);

        // Six positions are there: what is before is forgotten.
        for (int i = 0; i < 5; i++)
        {
            int seen = Math.Min(6, all.Shape[1]);
            all = Operators.Concatenate(all, model.Net.Forward(all.Narrow(1, all.Shape[1] - seen, seen)).Narrow(1, seen - 1, 1));
        }

        AssertClose(all.Narrow(1, 3, 5).ToArray(), written.ToArray());
    }

    [TestMethod]
    public void Draws_are_around_the_means_and_as_wide_as_they_should_be()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new ContinuousAutoregressiveWrapper(Build(Cpu, s_options with { Probabilistic = true }));
        Tensor start = Vectors(Cpu, 5, [1, 2, Width]).Expand([3000, 2, Width]);
        float[] output = model.Net.Forward(start).Narrow(2, 1, 1).ToArray();
        float[] Draw(float temperature, int seed) => model.Generate(start, 1, temperature, seed).ToArray();
        AssertClose(output[..9000], Draw(0, 1));
        float[] drawn = Draw(0.5f, 1);
        CollectionAssert.AreEqual(drawn, Draw(0.5f, 1));
        CollectionAssert.AreNotEqual(drawn, Draw(0.5f, 2));
        for (int c = 0; c < Width; c++)
        {
            double[] channel = [.. drawn.Where((_, i) => i % Width == c).Select(static v => (double)v)];
            double mean = channel.Average(), deviation = Math.Sqrt(channel.Average(v => (v - mean) * (v - mean)));
            Assert.AreEqual(output[c], mean, 4 * deviation / Math.Sqrt(3000));
            Assert.AreEqual(0.5 * Math.Sqrt(output[9000 + c]), deviation, 0.06 * deviation);
        }
    }

    [TestMethod]
    public void Bad_input_is_named()
    {
        using StepScope step = Cpu.BeginStep();
        AssertSays("7 wide, which is odd", () => Build(Cpu, s_options with { Probabilistic = true, DimOut = null }, s_stack with { Dim = 7 }).Dispose());
        using ContinuousTransformerWrapper narrow = Build(Cpu, s_options with { DimOut = 2 }), pooled = Build(Cpu, s_options with { AveragePoolEmbed = true });
        AssertSays("set DimOut = 3", () => new ContinuousAutoregressiveWrapper(narrow).Dispose());
        AssertSays("AveragePoolEmbed", () => new ContinuousAutoregressiveWrapper(pooled).Dispose());
        using var encoder = new ContinuousTransformerWrapper(s_options, new Encoder(s_stack, Cpu));
        AssertSays("later vectors", () => new ContinuousAutoregressiveWrapper(encoder).Dispose());
        using var model = new ContinuousAutoregressiveWrapper(Build(Cpu, s_options));
        Tensor x = Vectors(Cpu, 1, [2, 4, Width]);
        AssertSays("at least two", () => model.Loss(x.Narrow(1, 0, 1)));
        AssertSays("last axis of 3", () => model.Loss(Vectors(Cpu, 1, [2, 4, 2])));
        AssertSays("'mask' has shape [2, 3]", () => model.Loss(x, Tensor.From(Cpu, [2, 3], new bool[6])));
        AssertSays("give one of them", () => model.Loss(
            new SequenceInputs(x) { Mask = Tensor.From(Cpu, [2, 4], new bool[8]), Lens = Tensor.From(Cpu, [2], [1, 2]) }));
        AssertSays("'prependEmbeds'", () => model.Loss(new SequenceInputs(x) { PrependEmbeds = Tensor.Zeros(Cpu, [2, 1, 8]) }));
        AssertSays("length = 0", () => model.Generate(x, 0));
        AssertSays("temperature = -1", () => model.Generate(x, 1, -1));
        AssertSays("something to follow", () => model.Generate(Tensor.Zeros(Cpu, [1, 0, Width]), 1));
        AssertSays("Only Context", () => model.Generate(new SequenceInputs(x) { SumEmbeds = Tensor.Zeros(Cpu, [2, 4, 8]) }, 1));
        var called = new CallArguments(
            new Dictionary<string, Tensor> { ["x"] = x }, System.Text.Json.JsonDocument.Parse("""{"rollout_steps": 2}""").RootElement);
        Assert.AreEqual("rollout_steps", Assert.ThrowsExactly<UnsupportedOptionException>(() => model.Invoke(called)).Option);
    }

    private static ContinuousTransformerWrapper Build(ComputeDevice device, ContinuousTransformerWrapperOptions options, AttentionLayersOptions? stack = null)
        => new(options, new Decoder(stack ?? s_stack, device, seed: 5), seed: 7);

    private static Tensor Vectors(ComputeDevice device, int seed, Shape shape) => Tensor.From(device, shape, GradientCheck.Values((int)shape.Count, seed));
}
