using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Heads of logits beyond one projection: several, mixtures of softmaxes, sigsoftmax.</summary>
[TestClass]
public sealed class LogitHeadTests
{
    private const int Tokens = 11;

    private static readonly TransformerWrapperOptions s_options = new() { NumTokens = Tokens, MaxSeqLen = 12 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod, DeviceRows]
    public void A_mixture_is_a_distribution_and_not_the_softmax_of_one_part(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using TransformerWrapper model = Build(device, s_options with { MixtureOfSoftmax = true, MixtureOfSoftmaxK = 3, TieEmbedding = true }, causal: true);
        float[] logarithms = model.Forward(Ids(device, [2, 4], 1, 2, 3, 4, 5, 6, 7, 8)).ToArray();
        Assert.HasCount(2 * 4 * Tokens, logarithms);
        foreach (float[] row in logarithms.Chunk(Tokens))
            Assert.AreEqual(1.0, row.Sum(static v => Math.Exp(v)), 1e-4);
        using TransformerWrapper single = Build(device, s_options with { MixtureOfSoftmax = true, MixtureOfSoftmaxK = 1, TieEmbedding = true }, causal: true);
        float[] one = single.Forward(Ids(device, [2, 4], 1, 2, 3, 4, 5, 6, 7, 8)).ToArray();
        CollectionAssert.AreNotEqual(one, logarithms);
    }

    [TestMethod]
    public void The_loss_of_a_mixture_is_minus_the_logarithm_it_gives_the_next_token()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new AutoregressiveWrapper(Build(Cpu, s_options with { MixtureOfSoftmax = true }, causal: true));
        int[] ids = [1, 2, 3, 4];
        (Tensor loss, Tensor logits) = model.LossAndLogits(new TokenInputs(Ids(Cpu, [1, 4], ids)));
        float[] values = logits.ToArray();
        Assert.AreEqual(-Enumerable.Range(0, 3).Average(i => values[i * Tokens + ids[i + 1]]), loss.Item(), 1e-5);
    }

    [TestMethod, DeviceRows]
    public void Sigsoftmax_adds_the_logarithm_of_the_sigmoid_whatever_the_size(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        float[] x = [-200f, -30f, -1f, 0f, 0.5f, 20f, 300f];
        float[] actual = LogSigmoid.Of(Tensor.From(device, [7], x)).ToArray();
        foreach ((float value, float logarithm) in x.Zip(actual))
        {
            double exact = value < -50 ? value : -Math.Log(1 + Math.Exp(-value));
            Assert.AreEqual(exact, logarithm, 1e-6 * Math.Max(1, Math.Abs(exact)));
        }

        using TransformerWrapper plain = Build(device, s_options), sharp = Build(device, s_options with { SigsoftmaxLogits = true });
        float[] logits = plain.Forward(Ids(device, [1, 3], 1, 2, 3)).ToArray(), sharpened = sharp.Forward(Ids(device, [1, 3], 1, 2, 3)).ToArray();
        AssertClose([.. logits.Select(static v => v - MathF.Log(1 + MathF.Exp(-v)))], sharpened);
    }

    [TestMethod]
    public void Several_heads_stand_in_front_and_pooled_ones_too()
    {
        using StepScope step = Cpu.BeginStep();
        Tensor ids = Ids(Cpu, [2, 3], 1, 2, 3, 4, 5, 6);
        using TransformerWrapper model = Build(Cpu, s_options with { NumOutputHeads = 3 });
        Tensor logits = model.Forward(ids);
        Assert.AreEqual(new Shape(3, 2, 3, Tokens), logits.Shape);
        (Tensor again, Tensor embeddings) = model.LogitsAndEmbeddings(new TokenInputs(ids));
        CollectionAssert.AreEqual(logits.ToArray(), again.ToArray());
        Tensor second = model.NamedParameters().Single(static p => p.Name == "to_logits.1.weight").Value;
        AssertClose(Operators.Linear(embeddings, second).ToArray(), logits.Narrow(0, 1, 1).ToArray());
        using TransformerWrapper pooled = Build(Cpu, s_options with { NumOutputHeads = 2, AveragePoolEmbed = true, LogitsDim = 1, SqueezeOutLastDim = true });
        Assert.AreEqual(new Shape(2, 2), pooled.Forward(ids).Shape);
    }

    [TestMethod]
    public void A_mixture_in_two_bytes_stays_near_float()
    {
        using StepScope step = Cpu.BeginStep();
        using TransformerWrapper model = Build(Cpu, s_options with { MixtureOfSoftmax = true, SigsoftmaxLogits = true });
        Tensor ids = Ids(Cpu, [1, 3], 1, 2, 3);
        float[] exact = model.Forward(ids).ToArray();
        model.ComputeDType = DType.BFloat16;
        Tensor rounded = model.Forward(ids);
        Assert.AreEqual(DType.BFloat16, rounded.DType);
        foreach ((float wide, float narrow) in exact.Zip(rounded.ToArray()))
            Assert.AreEqual(wide, narrow, 0.1f);
    }

    [TestMethod]
    public void Contradicting_options_are_named()
    {
        AssertSays("NumOutputHeads = 0", () => Build(Cpu, s_options with { NumOutputHeads = 0 }));
        AssertSays("MixtureOfSoftmaxK = 0", () => Build(Cpu, s_options with { MixtureOfSoftmaxK = 0 }));
        AssertSays("NumOutputHeads and TieEmbedding", () => Build(Cpu, s_options with { NumOutputHeads = 2, TieEmbedding = true }));
        AssertSays("NumOutputHeads and MixtureOfSoftmax", () => Build(Cpu, s_options with { NumOutputHeads = 2, MixtureOfSoftmax = true }));
        AssertSays("SigsoftmaxLogits and ReturnOnlyEmbed", () => Build(Cpu, s_options with { SigsoftmaxLogits = true, ReturnOnlyEmbed = true }));
        AssertSays("UseClsToken and AttnPool", () => Build(Cpu, s_options with { UseClsToken = true, AttnPool = true }));
        AssertSays("AttnPool and ReturnOnlyEmbed", () => Build(Cpu, s_options with { AttnPool = true, ReturnOnlyEmbed = true }));
        using TransformerWrapper heads = Build(Cpu, s_options with { NumOutputHeads = 2 }, causal: true);
        AssertSays("NumOutputHeads = 2", () => new AutoregressiveWrapper(heads).Dispose());
    }
}
