using GpuTransformer.Host;
using GpuTransformer.Modules;
using static GpuTransformer.Tests.Modules.TransformerWrapperTests;

namespace GpuTransformer.Tests.Modules;

/// <summary>Images and vector sequences to logits and vectors.</summary>
[TestClass]
public sealed class ImageAndSequenceTests
{
    private static readonly AttentionLayersOptions s_stack = new() { Dim = 16, Depth = 1, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 2 } };

    private static readonly ViTransformerWrapperOptions s_image = new() { ImageSize = 8, PatchSize = 4, NumClasses = 3 };

    private static readonly ContinuousTransformerWrapperOptions s_sequence = new() { DimIn = 5, DimOut = 3, MaxSeqLen = 7 };

    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [TestMethod]
    public void A_small_ViT_has_x_transformers_keys()
    {
        using var model = new ViTransformerWrapper(
            new() { ImageSize = 32, PatchSize = 8, NumClasses = 10, NumRegisterTokens = 2, PostEmbNorm = true },
            new Encoder(new() { Dim = 128, Depth = 1, Heads = 2 }, Cpu));
        (string Name, Tensor Value)[] parameters = [.. model.NamedParameters()];
        Assert.AreEqual(226_378, model.ParameterCount);
        Assert.HasCount(20, parameters);
        string[] expected =
        [
            "pos_embedding", "register_tokens", "patch_to_embedding.0.gamma", "patch_to_embedding.1.weight", "patch_to_embedding.1.bias",
            "patch_to_embedding.2.gamma", "post_emb_norm.gamma",
        ];
        CollectionAssert.AreEqual(expected, parameters[..7].Select(static p => p.Name).ToArray());
        Assert.AreEqual("mlp_head.bias", parameters[^1].Name);
        Assert.AreEqual(new Shape(1, 16, 128), parameters[0].Value.Shape);
    }

    [TestMethod]
    public void A_patch_is_its_pixels_row_by_row_with_their_channels_together()
    {
        using StepScope step = Cpu.BeginStep();

        // Channel c, row y, column x holds 100 c + 10 y + x.
        float[] pixels =
            [.. from c in Enumerable.Range(0, 2) from y in Enumerable.Range(0, 2) from x in Enumerable.Range(0, 4) select (float)(100 * c + 10 * y + x)];
        Tensor patches = Operators.ImageToPatches(Tensor.From(Cpu, [1, 2, 2, 4], pixels), 2);
        Assert.AreEqual(new Shape(1, 2, 8), patches.Shape);
        CollectionAssert.AreEqual(new float[] { 0, 100, 1, 101, 10, 110, 11, 111, 2, 102, 3, 103, 12, 112, 13, 113 }, patches.ToArray());
        CollectionAssert.AreEqual(pixels, Operators.PatchesToImage(patches, 2, 4, 2).ToArray());
    }

    [TestMethod, DeviceRows]
    public void An_image_and_its_patches_are_the_same_and_embeddings_give_the_logits(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new ViTransformerWrapper(s_image with { NumRegisterTokens = 2 }, new Encoder(s_stack, device));
        Tensor image = Random(device, 1, [2, 3, 8, 8]);
        (Tensor logits, Tensor embeddings) = model.LogitsAndEmbeddings(image);
        Assert.AreEqual(new Shape(2, 3), logits.Shape);
        Assert.AreEqual(new Shape(2, 4, 16), embeddings.Shape);
        CollectionAssert.AreEqual(logits.ToArray(), model.Forward(Operators.ImageToPatches(image, 4)).ToArray());
        CollectionAssert.AreEqual(embeddings.ToArray(), model.Embeddings(image).ToArray());
        var head = (ClassificationHead)model.Children.First(static c => c.Name == "mlp_head").Value;
        AssertClose(logits.ToArray(), head.Forward(embeddings).ToArray());
        AssertClose(
            logits.ToArray()[..3],
            head.Forward(Operators.SliceRows(embeddings, 0, 4),
                Tensor.From(device, [2, 4], [true, true, true, true, true, false, false, false])).ToArray()[..3]);
    }

    [TestMethod, DeviceRows]
    public void A_length_is_a_mask_and_the_mean_of_nothing_is_zero(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new ContinuousTransformerWrapper(s_sequence with { NumMemoryTokens = 2 }, new Encoder(s_stack, device));
        Tensor x = Random(device, 1, [2, 3, 5]), mask = Tensor.From(device, [2, 3], [true, true, true, true, false, false]);
        float[] masked = model.Forward(x, mask).ToArray();
        CollectionAssert.AreEqual(masked, model.Forward(new SequenceInputs(x) { Lens = Ids(device, [2], 3, 1) }).ToArray());
        CollectionAssert.AreNotEqual(masked, model.Forward(x).ToArray());
        Tensor none = MeanPooling.Over(x, Tensor.From(device, [2, 3], [true, false, true, false, false, false]));
        float[] values = x.ToArray(), means = none.ToArray();
        Assert.AreEqual((values[0] + values[10]) / 2, means[0], 1e-6f);
        Assert.IsTrue(means[5..].All(static v => v == 0));
    }

    [TestMethod]
    public void Sums_prefixes_and_positions_act_where_they_should()
    {
        using StepScope step = Cpu.BeginStep();
        using var model = new ContinuousTransformerWrapper(s_sequence, new Encoder(s_stack, Cpu));
        Tensor x = Random(Cpu, 1, [2, 3, 5]), nothing = Tensor.Zeros(Cpu, [2, 3, 16]);
        float[] plain = model.Forward(x).ToArray();
        CollectionAssert.AreEqual(plain, model.Forward(new SequenceInputs(x) { SumEmbeds = nothing }).ToArray());
        AssertClose(plain, model.Forward(new SequenceInputs(x) { Pos = Ids(Cpu, [3], 0, 1, 2) }).ToArray());
        CollectionAssert.AreNotEqual(plain, model.Forward(new SequenceInputs(x) { Pos = Ids(Cpu, [2, 3], 0, 1, 2, 0, 1, 3) }).ToArray());
        Tensor hidden = model.Forward(
            new SequenceInputs(x) { PrependEmbeds = Random(Cpu, 2, [2, 1, 16]), PrependMask = Tensor.From(Cpu, [2, 1], new bool[2]) });
        Assert.AreEqual(new Shape(2, 4, 3), hidden.Shape);
        AssertClose(plain, Operators.SliceRows(hidden, 1, 3).ToArray());
        Assert.AreEqual(new Shape(2, 3, 16), model.Embeddings(new SequenceInputs(x)).Shape);
    }

    [TestMethod]
    public void Bad_input_is_named()
    {
        using StepScope step = Cpu.BeginStep();
        using var images = new ViTransformerWrapper(s_image, new Encoder(s_stack, Cpu));
        AssertSays("[batch, 3, 8, 8]", () => images.Forward(Tensor.Zeros(Cpu, [1, 3, 4, 8])));
        AssertSays("[batch, 3, 8, 8]", () => images.Forward(Tensor.Zeros(Cpu, [1, 1, 8, 8])));
        AssertSays("multiple of PatchSize = 3", () => _ = new ViTransformerWrapper(s_image with { PatchSize = 3 }, new Encoder(s_stack, Cpu)));
        AssertSays("1 channels", () => _ = new PatchEmbedding(2, 3, 8, new ParameterInitializer(Cpu)).Forward(Tensor.Zeros(Cpu, [1, 1, 8, 8])));
        using var model = new ContinuousTransformerWrapper(s_sequence, new Encoder(s_stack, Cpu));
        Tensor x = Tensor.Zeros(Cpu, [2, 3, 5]), prefix = Tensor.Zeros(Cpu, [2, 1, 16]);
        AssertSays("MaxSeqLen = 7", () => model.Forward(Tensor.Zeros(Cpu, [1, 8, 5])));
        AssertSays("last axis of 5", () => model.Forward(Tensor.Zeros(Cpu, [1, 3, 16])));
        AssertSays("give one of them", () => model.Forward(new SequenceInputs(x) { Lens = Ids(Cpu, [2], 1, 2), Mask = Tensor.From(Cpu, [2, 3], new bool[6]) }));
        AssertSays("'lens' is Int32 [3]", () => model.Forward(new SequenceInputs(x) { Lens = Ids(Cpu, [3], 1, 2, 3) }));
        AssertSays("'sumEmbeds' has shape", () => model.Forward(new SequenceInputs(x) { SumEmbeds = x }));
        AssertSays("'prependEmbeds' has shape", () => model.Forward(new SequenceInputs(x) { PrependEmbeds = x }));
        using var remembering = new ContinuousTransformerWrapper(s_sequence with { NumMemoryTokens = 1 }, new Encoder(s_stack, Cpu));
        AssertSays("one or the other", () => remembering.Forward(new SequenceInputs(x) { PrependEmbeds = prefix }));
        using var blind = new ContinuousTransformerWrapper(s_sequence with { MaxSeqLen = null }, new Encoder(s_stack, Cpu));
        AssertSays("neither absolute positions nor ALiBi", () => blind.Forward(new SequenceInputs(x) { Pos = Ids(Cpu, [3], 0, 1, 2) }));
    }

    [TestMethod]
    public void Positions_of_a_sequence_too_long_for_one_shift_are_the_same()
    {
        const int Length = 17, Wide = 65535 * 64 / Length + 1;
        using StepScope step = Cpu.BeginStep();
        using var positions = new LearnedPositions(Length, Wide, Cpu);
        Tensor one = Random(Cpu, 1, [1, Length, Wide]), two = Operators.Concatenate(
            one.Reshape([1, 1, Length * Wide]), one.Reshape([1, 1, Length * Wide])).Reshape([2, Length, Wide]);
        float[] expected = positions.Forward(one).ToArray(), actual = positions.Forward(two).ToArray();
        Assert.IsTrue(expected.AsSpan().SequenceEqual(actual.AsSpan(0, expected.Length)));
        Assert.IsTrue(expected.AsSpan().SequenceEqual(actual.AsSpan(expected.Length)));
    }

    [TestMethod]
    public void Embedding_dropout_acts_in_training_only()
    {
        using StepScope step = Cpu.BeginStep();
        using var images = new ViTransformerWrapper(s_image with { EmbDropout = 0.5f }, new Encoder(s_stack, Cpu));
        using var sequences = new ContinuousTransformerWrapper(s_sequence with { EmbDropout = 0.5f }, new Encoder(s_stack, Cpu));
        using TransformerWrapper tokens = Build(Cpu, new() { NumTokens = 11, MaxSeqLen = 12, EmbDropout = 0.5f });
        Tensor image = Random(Cpu, 1, [1, 3, 8, 8]), x = Random(Cpu, 2, [1, 3, 5]), ids = Ids(Cpu, [1, 3], 1, 2, 3);
        foreach (Func<Tensor> forward in (Func<Tensor>[])[() => images.Forward(image), () => sequences.Forward(x), () => tokens.Forward(ids)])
        {
            float[] without = forward().ToArray();
            using (Cpu.BeginTraining(seed: 1, step: 0))
                CollectionAssert.AreNotEqual(without, forward().ToArray());
            CollectionAssert.AreEqual(without, forward().ToArray());
        }
    }

    [TestMethod]
    public void Two_byte_computation_stays_near_float_and_gradients_are_float()
    {
        using StepScope step = Cpu.BeginStep();
        using var images = new ViTransformerWrapper(s_image with { NumRegisterTokens = 2, PostEmbNorm = true }, new Encoder(s_stack, Cpu));
        using var sequences = new ContinuousTransformerWrapper(s_sequence with { DimIn = null, NumMemoryTokens = 2 }, new Encoder(s_stack, Cpu));
        Tensor image = Random(Cpu, 1, [2, 3, 8, 8]), x = Random(Cpu, 2, [2, 3, 16]), more = Random(Cpu, 3, [2, 3, 16]);
        foreach ((Module model, Func<Tensor> forward) in ((Module, Func<Tensor>)[])[(images, () => images.Forward(image)),
            (sequences, () => sequences.Forward(new SequenceInputs(x) { SumEmbeds = more }))])
        {
            float[] wide = forward().ToArray();
            model.ComputeDType = DType.BFloat16;
            foreach ((_, Tensor parameter) in model.NamedParameters())
                parameter.RequiresGradient = true;
            using StepScope tape = Cpu.BeginTape();
            Tensor narrow = forward();
            Assert.AreEqual(DType.BFloat16, narrow.DType);
            float[] values = narrow.ToArray();
            double apart = wide.Zip(values, static (a, b) => Math.Abs(a - b)).Max();
            Assert.IsLessThan(0.03 * wide.Select(Math.Abs).Max(), apart);
            Assert.IsGreaterThan(0, apart, "Nothing was computed in two bytes.");
            tape.Backward(narrow, narrow);
            foreach ((string name, Tensor parameter) in model.NamedParameters())
            {
                Assert.AreEqual(DType.Float32, parameter.Gradient?.DType, name);
                parameter.ClearGradient();
            }
        }
    }

    private static Tensor Random(ComputeDevice device, int seed, Shape shape)
    {
        var random = new Random(seed);
        var values = new float[shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = random.NextSingle() * 2 - 1;
        return Tensor.From(device, shape, values);
    }
}
