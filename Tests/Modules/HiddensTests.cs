using System.Text.Json;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

[TestClass]
public sealed class HiddensTests
{
    [TestMethod]
    [DeviceRows("interm__enc_alibi"), DeviceRows("interm__enc_cross")]
    public void The_stream_between_layers_is_upstreams(string id, string name)
    {
        ComputeDevice device = TestDevices.Get(id);
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllText(RepositoryFiles.PathOf("Tests", "Goldens", "manifest.json")));
        JsonElement golden = manifest.RootElement.GetProperty("cases").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
        using SafetensorsReader tensors = SafetensorsReader.Open(RepositoryFiles.PathOf("Tests", "Goldens", $"{name}.safetensors"));
        using var model = (Encoder)ModuleFactory.Create(golden, device);
        model.LoadStateDict(tensors, "param.");
        using StepScope step = device.BeginStep();
        Tensor? Input(string input) => tensors.Contains($"input.{input}") ? tensors.ReadTensor($"input.{input}", device) : null;
        var hiddens = new List<Tensor>();
        Tensor output = model.Forward(Input("x")!, Input("context"), Input("mask"), Input("context_mask"), hiddens: hiddens);
        Assert.HasCount(model.Options.CrossAttend ? 7 : 5, hiddens);
        for (int layer = 0; layer < hiddens.Count; layer++)
            AssertClose(tensors.ReadSingles($"extra.layer_hiddens.{layer}"), hiddens[layer].ToArray(), $"layer {layer}");
        AssertClose(tensors.ReadSingles("output"), output.ToArray(), "output");
    }

    [TestMethod]
    public void Hiddens_outlive_a_forward_pass_without_a_step()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Encoder(
            new AttentionLayersOptions { Dim = 8, Depth = 1, Heads = 2, Attn = new() { DimHead = 4 }, PreNormHasFinalNorm = false }, device);
        using Tensor x = Tensor.From(device, [1, 3, 8], [.. Enumerable.Range(0, 24).Select(static i => i / 24f)]);
        var hiddens = new List<Tensor>();
        using Tensor output = model.Forward(x, hiddens: hiddens);
        Assert.AreSame(x, hiddens[0]);
        CollectionAssert.AreEqual(output.ToArray(), hiddens[^1].ToArray());
        hiddens[1].Dispose();
    }

    [TestMethod]
    public void Hiddens_outlive_a_wrappers_forward_pass_too()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using StepScope step = device.BeginStep();
        using TransformerWrapper model = TransformerWrapperTests.Build(
            device, new() { NumTokens = 11, MaxSeqLen = 4, NumMemoryTokens = 1, Recycling = true }, causal: true);
        var hiddens = new List<Tensor>();
        var inputs = new TokenInputs(Tensor.From(device, [1, 3], [1, 2, 3])) { Hiddens = hiddens, RecycleSteps = 2 };
        Tensor embeddings = model.Embeddings(inputs);
        Assert.HasCount(5, hiddens, "Before each of four layers and after them, of the last pass.");
        Assert.IsTrue(hiddens.TrueForAll(static hidden => hidden.ToArray().All(float.IsFinite)));
        using var training = new AutoregressiveWrapper(TransformerWrapperTests.Build(device, new() { NumTokens = 11, MaxSeqLen = 4 }, causal: true));
        hiddens.Clear();
        training.Loss(inputs with { RecycleSteps = null });
        Assert.HasCount(5, hiddens);
        Assert.AreEqual(embeddings.Shape, hiddens[^1].Shape);
        Assert.IsTrue(hiddens[^1].ToArray().All(float.IsFinite));
    }

    private static void AssertClose(float[] expected, float[] actual, string what)
    {
        float largest = expected.Max(MathF.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 2e-6f * largest, $"{what}, element {i}");
    }
}
