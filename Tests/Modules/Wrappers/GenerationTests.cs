using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Tokens written one after the other: x-transformers' own, and what drawing promises.</summary>
[TestClass]
public sealed class GenerationTests
{
    private static readonly TransformerWrapperOptions s_options = new() { NumTokens = 11, MaxSeqLen = 12 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    [DeviceRows("ar__abs"), DeviceRows("ar__cross"), DeviceRows("ar__prompt_lens_abs")]
    public void Greedy_tokens_are_x_transformers(string id, string name)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        (Module built, SafetensorsReader file) = GoldenModels.Load(device, name);
        using SafetensorsReader reader = file;
        using var model = (AutoregressiveWrapper)built;
        Tensor? Extra(string key) => file.Contains(key) ? file.ReadTensor(key, device) : null;
        Tensor expected = Extra("extra.generate.tokens")!;
        Tensor written = model.Generate(
            new TokenInputs(Extra("extra.generate.prompt")!) { Context = Extra("input.context"), ContextMask = Extra("input.context_mask") },
            expected.Shape[1],
            new GenerationOptions { Temperature = 0 },
            Extra("extra.generate.prompt_lens"));
        CollectionAssert.AreEqual(expected.ToInt64Array(), written.ToInt64Array());
    }

    [TestMethod, DeviceRows]
    public void A_sequence_to_sequence_model_writes_x_transformers_tokens(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        (Module built, SafetensorsReader file) = GoldenModels.Load(device, "xtransformer__nomask");
        using SafetensorsReader reader = file;
        using var model = (XTransformer)built;
        Tensor expected = file.ReadTensor("extra.generate.tokens", device);
        Tensor written = model.Generate(
            file.ReadTensor("input.src", device),
            file.ReadTensor("extra.generate.start", device),
            expected.Shape[1],
            options: new GenerationOptions { Temperature = 0 });
        CollectionAssert.AreEqual(expected.ToInt64Array(), written.ToInt64Array());
    }

    [TestMethod]
    public void The_same_seed_draws_the_same_tokens()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new AutoregressiveWrapper(Build(Cpu, s_options, causal: true));
        long[] Write(GenerationOptions options) => model.Generate(Ids(Cpu, [2, 2], 1, 2, 3, 4), 10, options).ToInt64Array();
        var all = new GenerationOptions { TopK = 11, Temperature = 2, Seed = 3 };
        CollectionAssert.AreEqual(Write(all), Write(all));
        CollectionAssert.AreNotEqual(Write(all), Write(all with { Seed = 4 }));
        CollectionAssert.AreEqual(Write(new GenerationOptions { Temperature = 0 }), Write(new GenerationOptions { TopK = 1 }));
    }

    [TestMethod]
    public void Draws_follow_the_probabilities_of_the_k_largest()
    {
        float[] logits = [0f, 1f, -1f, MathF.Log(3) + 1f];
        var sampler = new TokenSampler(new GenerationOptions { TopK = 2 });
        int[] counts = new int[4];
        for (int i = 0; i < 4000; i++)
            counts[sampler.Choose(logits)]++;
        Assert.AreEqual(0, counts[0] + counts[2]);
        Assert.AreEqual(3000, counts[3], 120, "Three times as likely, within four standard deviations.");
    }

    [TestMethod]
    public void Filters_leave_what_they_say_and_the_most_likely_always()
    {
        float[] logits = [.. new[] { 0.5, 0.3, 0.15, 0.05 }.Select(static p => MathF.Log((float)p) + 3f)];
        AssertLeft(2, row => SamplingFilters.TopK(row, 2));
        AssertLeft(1, row => SamplingFilters.TopP(row, 0.4));
        AssertLeft(2, row => SamplingFilters.TopP(row, 0.6));
        AssertLeft(4, row => SamplingFilters.TopP(row, 1));
        AssertLeft(3, row => SamplingFilters.MinP(row, 0.25));
        AssertLeft(1, row => SamplingFilters.MinP(row, 1));
        AssertLeft(3, row => SamplingFilters.TopA(row, 0.4, 2));
        AssertLeft(1, row => SamplingFilters.TopA(row, 1, 0));
        Assert.AreEqual(3, SamplingFilters.Count(0.1, 25));
        Assert.AreEqual(1, SamplingFilters.Count(0.01, 25));

        void AssertLeft(int expected, Action<float[]> filter)
        {
            float[] row = [.. logits];
            filter(row);
            CollectionAssert.AreEqual(logits[..expected], row[..expected]);
            Assert.IsTrue(row[expected..].All(float.IsNegativeInfinity), $"{expected}");
        }
    }

    [TestMethod]
    public void A_filter_that_is_given_stands_in_for_the_tenth()
    {
        float[] logits = [.. Enumerable.Range(0, 20).Select(static i => 0.01f * i)];
        int Different(GenerationOptions options)
        {
            var sampler = new TokenSampler(options);
            return Enumerable.Range(0, 2000).Select(_ => sampler.Choose(logits)).Distinct().Count();
        }

        Assert.AreEqual(2, Different(new()));
        Assert.AreEqual(5, Different(new() { FracNumTokens = 0.25 }));
        Assert.AreEqual(20, Different(new() { MinP = 0.1 }));
        Assert.AreEqual(20, Different(new() { TopP = 1 }));
        Assert.AreEqual(20, Different(new() { TopA = 0.02 }));
        Assert.AreEqual(3, Different(new() { MinP = 0.1, TopK = 3 }));
    }

    [TestMethod]
    public void Tokens_that_were_there_become_less_likely_and_padding_was_not_there()
    {
        float[] logits = [2f, 1.5f, -1f];
        SamplingFilters.Repetition(logits, [0, 2, 0, 7], 2f);
        CollectionAssert.AreEqual(new[] { 1f, 1.5f, -2f }, logits);

        using StepScope step = Cpu.BeginStep();
        using var model = new AutoregressiveWrapper(Build(Cpu, s_options, causal: true));
        var harsh = new GenerationOptions { Temperature = 0, RepetitionPenalty = 1e6f };
        long[] written = model.Generate(Ids(Cpu, [1, 2], 1, 2), 4, harsh).ToInt64Array();
        Assert.HasCount(4, written.Except([1L, 2L]).Distinct().ToArray());
        long[] padded = model.Generate(Ids(Cpu, [1, 4], 1, 2, 0, 0), 4, harsh, Ids(Cpu, [1], 2)).ToInt64Array();
        CollectionAssert.AreEqual(written, padded);
    }

    [TestMethod]
    public void After_the_end_comes_padding()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new AutoregressiveWrapper(Build(Cpu, s_options, causal: true), new() { PadValue = 7 });
        long[] free = model.Generate(Ids(Cpu, [1, 1], 1), 6, new GenerationOptions { Temperature = 0 }).ToInt64Array();
        long[] ended = model.Generate(Ids(Cpu, [1, 1], 1), 6, new GenerationOptions { Temperature = 0, EosToken = (int)free[1] }).ToInt64Array();
        int end = Array.IndexOf(free, free[1]);
        CollectionAssert.AreEqual(free[..(end + 1)], ended[..(end + 1)]);
        Assert.IsTrue(ended[(end + 1)..].All(static token => token == 7));
    }

    [TestMethod, DeviceRows]
    public void A_batch_of_none_writes_none(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new AutoregressiveWrapper(Build(device, s_options, causal: true));
        Tensor none = model.Generate(Tensor.From(device, [0, 3], Array.Empty<int>()), 4);
        Assert.AreEqual(new Shape(0, 4), none.Shape);
        Assert.AreEqual(DType.Int32, none.DType);
        Tensor lens = Tensor.From(device, [0], Array.Empty<int>());
        Assert.AreEqual(new Shape(0, 4), model.Generate(Tensor.From(device, [0, 3], Array.Empty<int>()), 4, promptLens: lens).Shape);
        Assert.AreEqual(new Shape(1, 0), model.Generate(Ids(device, [1, 1], 1), 0).Shape);
        AssertSays("length = -1", () => model.Generate(Ids(device, [1, 1], 1), -1));
        AssertSays("give a start token", () => model.Generate(Tensor.From(device, [2, 0], Array.Empty<int>()), 4));
    }

    [TestMethod]
    public void Bad_input_is_named()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new AutoregressiveWrapper(Build(Cpu, s_options, causal: true));
        Tensor prompt = Ids(Cpu, [1, 3], 1, 2, 3);
        AssertSays("MaxSeqLen = 12", () => model.Generate(prompt, 11));
        Assert.AreEqual(new Shape(1, 10), model.Generate(prompt, 10).Shape, "The last written token is never read.");
        AssertSays("length = -1", () => model.Generate(prompt, -1));
        AssertSays("Temperature = -1", () => model.Generate(prompt, 1, new GenerationOptions { Temperature = -1 }));
        AssertSays("EosToken = 11", () => model.Generate(prompt, 1, new GenerationOptions { EosToken = 11 }));
        AssertSays("1 to 3 tokens", () => model.Generate(prompt, 1, promptLens: Ids(Cpu, [1], 4)));
        AssertSays("'promptLens' is Int32 [2]", () => model.Generate(prompt, 1, promptLens: Ids(Cpu, [2], 1, 1)));
        AssertSays("single tokens", () => model.Generate(new TokenInputs(prompt) { Pos = Ids(Cpu, [3], 0, 1, 2) }, 1));
        AssertSays("start token", () => model.Generate(Tensor.From(Cpu, [1, 0], Array.Empty<int>()), 1));
    }
}
