using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>One record of inputs goes through wrappers into the stack: what it says means the same on the way.</summary>
[TestClass]
public sealed class StackInputsTests
{
    private const int Dim = 16, Length = 5;

    private static readonly AttentionLayersOptions s_options = new() { Dim = Dim, Depth = 2, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 1 } };

    private static readonly float[] s_numbers = [.. Enumerable.Range(0, 2 * Length * Dim).Select(static i => MathF.Sin(i * 0.7f))];

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    public void A_record_and_named_arguments_are_the_same_call()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new Encoder(s_options with { CrossAttend = true, UseAdaptiveRmsnorm = true }, Cpu);
        Tensor x = Tensor.From(Cpu, [2, Length, Dim], s_numbers), mask = Flags(2, Length), condition = Tensor.From(Cpu, [2, Dim], s_numbers.AsSpan(0, 2 * Dim));
        var hiddens = new List<Tensor>();
        float[] named = model.Forward(x, context: x, mask: mask, contextMask: mask, condition: condition).ToArray();
        float[] record = model.Forward(x, new StackInputs { Context = x, Mask = mask, ContextMask = mask, Condition = condition, Hiddens = hiddens }).ToArray();
        CollectionAssert.AreEqual(named, record);
        Assert.HasCount(7, hiddens);
    }

    [TestMethod]
    public void A_prefix_is_seen_behind_what_a_wrapper_puts_in_front()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new ContinuousTransformerWrapper(new() { NumMemoryTokens = 2 }, new PrefixDecoder(s_options, Cpu));
        Tensor x = Tensor.From(Cpu, [2, Length, Dim], s_numbers);
        float[] other = [.. s_numbers];
        other[2 * Dim] += 1;
        Tensor changed = Tensor.From(Cpu, [2, Length, Dim], other);
        float[] First(Tensor input, params long[] prefix) => model.Forward(new SequenceInputs(input) { PrefixAttnLen = prefix }).ToArray()[..Dim];
        CollectionAssert.AreEqual(First(x), First(changed), "Without a prefix the first position sees nothing later.");
        CollectionAssert.AreEqual(First(x, 2, 2), First(changed, 2, 2), "The third position is outside a prefix of two.");
        CollectionAssert.AreNotEqual(First(x, 3, 3), First(changed, 3, 3), "It is inside one of three, memory tokens or not.");
    }

    [TestMethod]
    public void A_prefix_is_refused_where_nobody_reads_it_or_a_target_would_be_seen()
    {
        using StepScope step = Cpu.BeginStep();
        using var encoder = new Encoder(s_options, Cpu);
        Tensor x = Tensor.From(Cpu, [2, Length, Dim], s_numbers);
        Assert.Contains("use a PrefixDecoder", Assert.Throws<ArgumentException>(() => encoder.Forward(x, new StackInputs { PrefixAttnLen = [2] })).Message);
        using var model = new AutoregressiveWrapper(new TransformerWrapper(new() { NumTokens = 9, MaxSeqLen = 8 }, new PrefixDecoder(s_options, Cpu)));
        Assert.Contains(
            "their own target", Assert.Throws<ArgumentException>(() => model.Loss(new TokenInputs(Ids(Cpu, [1, 3], 1, 2, 3)) { PrefixAttnLen = [2] })).Message);
    }

    [TestMethod]
    [DataRow("start")]
    [DataRow("keys")]
    public void A_continuous_model_hides_left_padding_behind_memory_tokens(string how)
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new ContinuousTransformerWrapper(new() { NumMemoryTokens = 2 }, new Encoder(s_options, Cpu));
        float[] other = [.. s_numbers];
        other[0] = float.NaN;
        float[] Seen(float[] numbers)
        {
            SequenceInputs inputs = new(Tensor.From(Cpu, [2, Length, Dim], numbers));
            Tensor keys = Tensor.From(Cpu, [2, Length], [.. Enumerable.Range(0, 2 * Length).Select(static i => i != 0)]);
            return model.Forward(how == "start" ? inputs with { SeqStartPos = Ids(Cpu, [2], 1, 0) } : inputs with { SelfAttnKvMask = keys }).ToArray()[Dim..];
        }

        CollectionAssert.AreEqual(Seen(s_numbers), Seen(other));
        Tensor x = Tensor.From(Cpu, [2, Length, Dim], s_numbers);
        AssertSays("Give one of them", () => model.Forward(new SequenceInputs(x) { SeqStartPos = Ids(Cpu, [2], 1, 0), SelfAttnKvMask = Flags(2, Length) }));
        AssertSays("'selfAttnKvMask' has shape", () => model.Forward(new SequenceInputs(x) { SelfAttnKvMask = Flags(2, 3) }));
    }

    [TestMethod]
    public void Left_padding_moves_the_absolute_positions_of_a_continuous_model()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new ContinuousTransformerWrapper(new() { MaxSeqLen = 8 }, new Decoder(s_options, Cpu));
        float[] padded = [.. s_numbers[..Dim], .. s_numbers[..(3 * Dim)]];
        float[] plain = model.Forward(Tensor.From(Cpu, [1, 3, Dim], s_numbers.AsSpan(0, 3 * Dim))).ToArray();
        AssertClose(plain, model.Forward(new SequenceInputs(Tensor.From(Cpu, [1, 4, Dim], padded)) { SeqStartPos = Ids(Cpu, [1], 1) }).ToArray()[Dim..]);
    }

    private static Tensor Flags(int batch, int length)
        => Tensor.From(Cpu, [batch, length], [.. Enumerable.Range(0, batch * length).Select(static i => i % 3 != 2)]);
}
