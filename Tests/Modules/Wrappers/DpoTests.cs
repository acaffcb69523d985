using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Direct preference optimisation.</summary>
[TestClass]
public sealed class DpoTests
{
    private const int Tokens = 11;

    private static readonly TransformerWrapperOptions s_options = new() { NumTokens = Tokens, MaxSeqLen = 12 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod, DeviceRows]
    public void At_first_policy_and_reference_agree(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using DPO dpo = Create(device);
        (Tensor good, Tensor bad, Tensor prompt) = Pair(device);
        Assert.AreEqual(MathF.Log(2), dpo.Loss(good, bad, prompt).Item(), 1e-6f);
        string[] names = [.. dpo.NamedParameters().Select(static p => p.Name)];
        Assert.Contains("policy_model.to_logits.weight", names);
        Assert.Contains("ref_model.to_logits.weight", names);
    }

    [TestMethod]
    public void The_loss_is_of_the_mean_surprise_behind_the_prompt_and_before_padding()
    {
        using StepScope step = Cpu.BeginStep();
        using DPO dpo = Create(Cpu, new() { Beta = 0.7f, PadId = 9 });
        Tensor head = dpo.PolicyModel.NamedParameters().Single(static p => p.Name == "to_logits.weight").Value;
        head.Write(GradientCheck.Values((int)head.Shape.Count, 4));
        (Tensor good, Tensor bad, Tensor prompt) = Pair(Cpu);
        double policy = Mean(dpo.PolicyModel, good, 3) - Mean(dpo.PolicyModel, bad, 2), reference = Mean(dpo.RefModel, good, 3) - Mean(dpo.RefModel, bad, 2);
        double expected = Math.Log(1 + Math.Exp(-0.7f * (policy - reference)));
        Assert.AreEqual(expected, dpo.Loss(good, bad, prompt).Item(), 1e-5);
        Assert.AreEqual(expected, dpo.Loss(
            good, bad, prompt, unpreferredMask: Tensor.From(Cpu, [1, 6], [true, true, true, true, false, false])).Item(), 1e-5);
        Assert.AreNotEqual(expected, dpo.Loss(good, bad, prompt, unpreferredMask: Tensor.From(Cpu, [1, 6], [.. Enumerable.Repeat(true, 6)])).Item(), 1e-5);
    }

    [TestMethod]
    public void The_policy_learns_what_is_preferred_and_the_reference_nothing()
    {
        using DPO dpo = Create(Cpu);
        using StepScope step = Cpu.BeginStep();
        (Tensor good, Tensor bad, Tensor prompt) = Pair(Cpu);
        float[][] before = [.. dpo.RefModel.NamedParameters().Select(static p => p.Value.ToArray())];
        using var trainer = new Trainer(dpo, new AdamW(TrainedParameter.Of(dpo.PolicyModel)), new LearningRateSchedule { Peak = 0.01, TotalSteps = 20 });
        for (int i = 0; i < 20; i++)
            trainer.Step(() => dpo.Loss(good, bad, prompt));
        Assert.IsLessThan(0.5f, dpo.Loss(good, bad, prompt).Item());
        foreach ((float[] old, (_, Tensor value)) in before.Zip(dpo.RefModel.NamedParameters()))
            CollectionAssert.AreEqual(old, value.ToArray());
    }

    [TestMethod]
    public void A_description_makes_both_models()
    {
        const string Json = """
            {"class": "DPO", "kwargs": {"beta": 0.2}, "ctor_args": [{"class": "TransformerWrapper", "kwargs": {"num_tokens": 5, "max_seq_len": 4,
             "attn_layers": {"class": "Decoder", "kwargs": {"dim": 8, "depth": 1, "heads": 2}}}}]}
            """;
        using var dpo = (DPO)ModuleFactory.Create(Json, Cpu, seed: 3);
        Assert.AreEqual(0.2f, dpo.Options.Beta);
        Assert.AreNotSame(dpo.PolicyModel, dpo.RefModel);
    }

    [TestMethod]
    public void Bad_input_is_named()
    {
        using StepScope step = Cpu.BeginStep();
        using DPO dpo = Create(Cpu);
        (Tensor good, Tensor bad, Tensor prompt) = Pair(Cpu);
        AssertSays("'unpreferred' [1, 5]", () => dpo.Loss(good, bad.Narrow(1, 0, 5), prompt));
        AssertSays("'promptMask' has shape [1, 5]", () => dpo.Loss(good, bad, prompt.Narrow(1, 0, 5)));
        using TransformerWrapper one = Build(Cpu, s_options, causal: true), other = Build(Cpu, s_options with { LogitsDim = 3 }, causal: true);
        AssertSays("other parameters", () => new DPO(one, other).Dispose());
        AssertSays("shares parameters", () => new DPO(one, one).Dispose());
        using TransformerWrapper encoder = Build(Cpu, s_options);
        AssertSays("later tokens", () => new DPO(encoder, one).Dispose());
    }

    private static DPO Create(ComputeDevice device, DpoOptions? options = null)
        => new(Build(device, s_options, causal: true), Build(device, s_options, causal: true), options);

    // Two tokens of prompt; the other answer ends with padding.
    private static (Tensor Good, Tensor Bad, Tensor Prompt) Pair(ComputeDevice device) => (
        Ids(device, [1, 6], 1, 2, 3, 4, 5, 6), Ids(device, [1, 6], 1, 2, 7, 8, 9, 9), Tensor.From(device, [1, 6], [true, true, false, false, false, false]));

    // Of the tokens after positions 2, 3, …
    private static double Mean(TransformerWrapper model, Tensor ids, int count)
    {
        float[] logits = model.Forward(ids.Narrow(1, 0, 5)).ToArray();
        long[] tokens = ids.ToInt64Array();
        return Enumerable.Range(2, count).Average(i
            => logits[i * Tokens + (int)tokens[i + 1]] - Math.Log(logits[(i * Tokens)..((i + 1) * Tokens)].Sum(static v => Math.Exp(v))));
    }
}
