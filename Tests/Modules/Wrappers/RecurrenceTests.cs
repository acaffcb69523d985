using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Stacks that run more than once, memory tokens in between, and factors of feedforwards by token.</summary>
[TestClass]
public sealed class RecurrenceTests
{
    private const int Tokens = 11, Dim = 16;

    private static readonly TransformerWrapperOptions s_options = new() { NumTokens = Tokens, MaxSeqLen = 0 };

    private static readonly AttentionLayersOptions s_looped = new()
    {
        Dim = Dim, Depth = 1, Heads = 2, Attn = new() { DimHead = 8 }, PreAndPostNorm = true,
    };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod, DeviceRows]
    public void Recycling_adds_a_projection_of_what_came_before(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using TransformerWrapper model = Build(device, s_options with { Recycling = true });
        Tensor ids = Ids(device, [1, 3], 1, 2, 3), x = Embedded(model, ids);
        Tensor once = model.AttnLayers.Forward(x);
        Tensor twice = model.AttnLayers.Forward(x + Operators.Linear(once, Parameter(model, "recycled_proj.weight")));
        AssertClose(once.ToArray(), model.Embeddings(new TokenInputs(ids) { RecycleSteps = 1 }).ToArray());
        AssertClose(twice.ToArray(), model.Embeddings(new TokenInputs(ids) { RecycleSteps = 2 }).ToArray());
    }

    [TestMethod]
    public void Only_the_last_pass_of_recycling_learns()
    {
        using TransformerWrapper model = Build(Cpu, s_options with { Recycling = true });
        foreach ((_, Tensor parameter) in model.NamedParameters())
            parameter.RequiresGradient = true;
        using StepScope step = Cpu.BeginStep(record: true);
        Tensor ids = Ids(Cpu, [1, 3], 1, 2, 3);
        model.Forward(new TokenInputs(ids) { RecycleSteps = 1 });
        int once = step.RecordedCalls;
        model.Forward(new TokenInputs(ids) { RecycleSteps = 4 });
        Assert.AreEqual(once + 2, step.RecordedCalls - once, "The projection and the sum, and no other pass.");
    }

    [TestMethod]
    public void How_often_to_recycle_is_drawn_in_training_and_needed_otherwise()
    {
        using TransformerWrapper model = Build(Cpu, s_options with { Recycling = true, TrainMaxRecycleSteps = 3 });
        var inputs = new TokenInputs(Tensor.From(Cpu, [1, 3], [1, 2, 3]));
        using StepScope step = Cpu.BeginStep();
        float[][] possible = [.. Enumerable.Range(1, 3).Select(count => model.Forward(inputs with { RecycleSteps = count }).ToArray())];
        var drawn = new HashSet<int>();
        for (int number = 0; number < 40; number++)
        {
            using StepScope training = Cpu.BeginTraining(seed: 1, step: number);
            float[] actual = model.Forward(inputs).ToArray();
            drawn.Add(Array.FindIndex(possible, expected => expected.SequenceEqual(actual)));
        }

        CollectionAssert.AreEquivalent(new[] { 0, 1, 2 }, drawn.ToArray());
        AssertSays("RecycleSteps is missing", () => model.Forward(inputs));
        using TransformerWrapper plain = Build(Cpu, s_options);
        AssertSays("RecycleSteps = 2", () => plain.Forward(inputs with { RecycleSteps = 2 }));
        AssertSays("LoopedSteps = 2", () => plain.Forward(inputs with { LoopedSteps = 2 }));
    }

    [TestMethod, DeviceRows]
    public void A_loop_is_the_stack_of_the_stack(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep(record: true);
        using TransformerWrapper model = Looped(device, s_options with { NumMemoryTokens = 2, MaxLoopedSteps = 3 });
        Tensor ids = Ids(device, [1, 3], 1, 2, 3);
        Tensor x = Operators.Concatenate(Parameter(model, "memory_tokens").Reshape([1, 2, Dim]), Embedded(model, ids));
        var hiddens = new List<Tensor>();
        Tensor looped = model.Embeddings(new TokenInputs(ids) { Hiddens = hiddens });
        for (int i = 0; i < 3; i++)
            x = model.AttnLayers.Forward(x);
        AssertClose(x.Narrow(1, 2, 3).ToArray(), looped.ToArray());
        Assert.HasCount(3, hiddens, "Those of the last pass: before each of two layers and after them.");
        AssertClose(x.ToArray(), hiddens[^1].ToArray());
        CollectionAssert.AreNotEqual(looped.ToArray(), model.Embeddings(new TokenInputs(ids) { LoopedSteps = 1 }).ToArray());
    }

    [TestMethod]
    public void A_looped_loss_weighs_passes_by_the_gate_and_teaches_it()
    {
        const int Passes = 3, Targets = 3;
        var options = new AutoregressiveWrapperOptions { LoopedExitLossWeight = 0.7f, LoopedLossSlope = 5, LoopedLossThresholdExit = 0.1f };
        long[] ids = [1, 3, 0, -100];
        float[][] logits = [.. Enumerable.Range(0, Passes).Select(static l => GradientCheck.Values(4 * 5, l))], exits =
            [.. Enumerable.Range(0, Passes).Select(static l => GradientCheck.Values(4, 10 + l))];
        double loss = 0, gate = 0;
        for (int i = 0; i < 2; i++)
        {
            double[] surprise = [.. logits.Select(row => Math.Log(row[(5 * i)..(5 * i + 5)].Sum(static v => Math.Exp(v))) - row[5 * i + ids[i + 1]])];
            double left = 1;
            for (int l = 0; l < Passes; l++)
            {
                double exit = Sigmoid(exits[l][i]);
                loss += surprise[l] * (l == Passes - 1 ? left : left * exit) / (2 * Passes);
                left *= 1 - exit;
                if (l == Passes - 1)
                    break;
                double wanted = Sigmoid(5 * (surprise[l + 1] - surprise[l] + 0.1));
                gate -= (wanted * Math.Log(exit) + (1 - wanted) * Math.Log(1 - exit)) / (2 * (Passes - 1));
            }
        }

        using StepScope step = Cpu.BeginStep(record: true);
        (Tensor Logits, Tensor Exit)[] passes = [.. logits.Zip(exits, static (l, e) => (Tensor.From(Cpu, [1, 4, 5], l), Tensor.From(Cpu, [1, 4], e)))];
        foreach ((Tensor said, Tensor exit) in passes)
            said.RequiresGradient = exit.RequiresGradient = true;
        Tensor total = LoopedLoss.Of(passes, ids, options);
        Assert.AreEqual(loss + 0.7 * gate, total.Item(), 1e-5);
        step.Backward(total);

        // The tokens' loss does not move the gate, and the last gate is never asked.
        double first = Math.Log(logits[0][..5].Sum(static v => Math.Exp(v))) - logits[0][3], second = Math.Log(
            logits[1][..5].Sum(static v => Math.Exp(v))) - logits[1][3];
        double target = Sigmoid(5 * (second - first + 0.1));
        Assert.AreEqual(0.7 * (Sigmoid(exits[0][0]) - target) / (2 * (Passes - 1)), passes[0].Exit.Gradient!.ToArray()[0], 1e-5);
        Assert.IsNull(passes[^1].Exit.Gradient);
        Assert.HasCount(Targets + 1, passes[0].Exit.Gradient!.ToArray());
    }

    [TestMethod]
    public void A_looped_model_learns_a_sequence_and_writes_it()
    {
        using var model = new AutoregressiveWrapper(Looped(Cpu, s_options with { MaxSeqLen = 8, MaxLoopedSteps = 2 }, depth: 2));
        using Tensor ids = Tensor.From(Cpu, [1, 6], [1, 5, 2, 7, 3, 9]);
        using var trainer = new Trainer(model, new AdamW(TrainedParameter.Of(model)), new LearningRateSchedule { Peak = 0.01, TotalSteps = 80 });
        double first = 0, last = 0;
        for (int i = 0; i < 80; i++)
        {
            last = trainer.Step(() => model.Loss(ids)).Loss;
            first = i == 0 ? last : first;
        }

        Assert.IsLessThan(first / 2, last);
        using Tensor start = Tensor.From(Cpu, [1, 1], [1]);
        using Tensor written = model.Generate(start, 5, new GenerationOptions { Temperature = 0 });
        CollectionAssert.AreEqual(new long[] { 5, 2, 7, 3, 9 }, written.ToInt64Array());
    }

    [TestMethod, DeviceRows]
    public void Interspersed_memory_stands_in_front_of_each_stretch(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using TransformerWrapper model = Build(device, s_options with { NumMemoryTokens = 1, MemoryTokensInterspersedEvery = 2 }, causal: true);
        Tensor ids = Ids(device, [1, 3], 1, 2, 3), x = Embedded(model, ids), memory = Parameter(model, "memory_tokens").Reshape([1, 1, Dim]);
        Tensor all = Operators.Concatenate([memory, x.Narrow(1, 0, 2), memory, x.Narrow(1, 2, 1)], 1);
        float[] expected = model.AttnLayers.Forward(all).ToArray();
        AssertClose([.. expected[Dim..(3 * Dim)], .. expected[(4 * Dim)..]], model.Embeddings(new TokenInputs(ids)).ToArray());
    }

    [TestMethod]
    public void What_is_hidden_between_memory_changes_nothing()
    {
        using StepScope step = Cpu.BeginStep();
        TransformerWrapperOptions options = s_options with { NumMemoryTokens = 2, MemoryTokensInterspersedEvery = 3, FfDeepEmbed = true, UseClsToken = true };
        using TransformerWrapper model = Build(Cpu, options with { UseClsToken = false }, causal: true), cls = Build(Cpu, options, causal: true);
        Tensor mask = Tensor.From(Cpu, [1, 4], [false, true, true, true]);
        float[] Run(int first) => model.Forward(Ids(Cpu, [1, 4], first, 2, 3, 4), mask).ToArray()[Tokens..];
        CollectionAssert.AreEqual(Run(1), Run(7));
        float[] Left(int first) => model.Forward(new TokenInputs(Ids(Cpu, [1, 4], first, 2, 3, 4)) { SeqStartPos = Ids(Cpu, [1], 1) }).ToArray()[Tokens..];
        CollectionAssert.AreEqual(Left(1), Left(7));
        Assert.AreEqual(new Shape(1, Tokens), cls.Forward(Ids(Cpu, [1, 4], 1, 2, 3, 4)).Shape);
    }

    [TestMethod]
    public void Factors_of_one_change_nothing_and_each_token_has_its_own()
    {
        using StepScope step = Cpu.BeginStep();
        TransformerWrapperOptions options = s_options with { NumMemoryTokens = 2 };
        using TransformerWrapper plain = Build(Cpu, options), deep = Build(Cpu, options with { FfDeepEmbed = true });
        Tensor ids = Ids(Cpu, [1, 3], 1, 2, 3);
        float[] before = deep.Forward(ids).ToArray();
        AssertClose(plain.Forward(ids).ToArray(), before);
        Tensor table = Parameter(deep, "ff_deep_embed");
        Assert.AreEqual(new Shape(Tokens, 2, Dim), table.Shape);
        float[] factors = table.ToArray();
        factors.AsSpan(9 * 2 * Dim).Fill(5f);
        table.Write(factors);
        CollectionAssert.AreEqual(before, deep.Forward(ids).ToArray(), "Factors of tokens that are not there.");
        factors.AsSpan((2 * 2 + 1) * Dim, Dim).Clear();
        table.Write(factors);
        float[] after = deep.Forward(ids).ToArray();
        CollectionAssert.AreEqual(before[..Tokens], after[..Tokens], "The last feedforward of one token reaches no other.");
        CollectionAssert.AreNotEqual(before[Tokens..(2 * Tokens)], after[Tokens..(2 * Tokens)]);
    }

    [TestMethod]
    public void Contradicting_options_are_named()
    {
        AssertSays("Recycling and Looped", () => Build(Cpu, s_options with { Recycling = true, Looped = true }));
        AssertSays("PreAndPostNorm = true", () => Build(Cpu, s_options with { Looped = true }));
        AssertSays("NumMemoryTokens", () => Build(Cpu, s_options with { MemoryTokensInterspersedEvery = 2 }, causal: true));
        AssertSays("causal stacks", () => Build(Cpu, s_options with { NumMemoryTokens = 1, MemoryTokensInterspersedEvery = 2 }));
        AttentionLayersOptions custom = new() { Dim = Dim, Heads = 2, CustomLayers = ["a", "f"] };
        AssertSays("Depth is left out", () => new TransformerWrapper(s_options with { FfDeepEmbed = true }, new Encoder(custom, Cpu)).Dispose());
    }

    private static TransformerWrapper Looped(ComputeDevice device, TransformerWrapperOptions options, int depth = 1)
        => new(options with { Looped = true }, new Decoder(s_looped with { Depth = depth }, device, seed: 5), seed: 7);

    private static Tensor Parameter(TransformerWrapper model, string name) => model.NamedParameters().Single(p => p.Name == name).Value;

    private static Tensor Embedded(TransformerWrapper model, Tensor ids) => Operators.Embedding(Parameter(model, "token_emb.emb.weight"), ids);

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
