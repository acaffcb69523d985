using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules;

/// <summary>Checkpoints in and out of modules: strict, all or nothing, with a hint.</summary>
[TestClass]
public sealed class CheckpointTests
{
    private static readonly AttentionLayersOptions s_options = new()
    {
        Dim = 16, Depth = 1, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 2 }, CrossAttend = true,
        CrossAttn = new() { DimHead = 8, DimContext = 24 },
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("checkpoints").FullName;

    private string File1 => Path.Combine(_folder, "a.safetensors");

    [TestCleanup]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [TestMethod, DeviceRows]
    public void A_saved_model_computes_the_same_when_loaded(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using StepScope step = device.BeginStep();
        using var model = new Encoder(s_options, device, seed: 1);
        using var other = new Encoder(s_options, device, seed: 2);
        Tensor x = Tensor.From(device, [1, 2, 16], [.. Enumerable.Range(0, 32).Select(static i => i * 0.1f)]);
        Tensor context = Tensor.From(device, [1, 1, 24], [.. Enumerable.Range(0, 24).Select(static i => i * -0.1f)]);
        float[] expected = model.Forward(x, context).ToArray();
        CollectionAssert.AreNotEqual(expected, other.Forward(x, context).ToArray());
        model.Save(File1);
        other.Load(File1);
        CollectionAssert.AreEqual(expected, other.Forward(x, context).ToArray());
    }

    [TestMethod]
    [DataRow(true, "context 24 wide (CrossAttn.DimContext), not 32")]
    [DataRow(false, "a model with Dim = 16, not 32")]
    public void A_checkpoint_of_another_width_says_which(bool context, string hint)
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Encoder(s_options, device);
        model.Save(File1);
        using var wider = new Encoder(
            context ? s_options with { CrossAttn = s_options.Attn with { DimContext = 32 } } : s_options with { Dim = 32 }, device, seed: 9);
        float[] before = wider.NamedParameters().First().Value.ToArray();
        CheckpointException exception = Assert.ThrowsExactly<CheckpointException>(() => wider.Load(File1));
        Assert.Contains(hint, exception.Message);
        Assert.Contains("of another shape: layers.", exception.Message);
        Assert.Contains(File1, exception.Message);
        CollectionAssert.AreEqual(before, wider.NamedParameters().First().Value.ToArray());
    }

    [TestMethod]
    public void Missing_and_unexpected_keys_are_listed_and_nothing_is_loaded()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Encoder(s_options, device, seed: 1);
        using var target = new Encoder(s_options, device, seed: 2);
        float[] before = target.NamedParameters().ElementAt(1).Value.ToArray();
        SafetensorsWriter.Write(File1, model.NamedParameters().Select(static p => (p.Name == "final_norm.gamma" ? "norm.gamma" : p.Name, p.Value)));
        CheckpointException exception = Assert.ThrowsExactly<CheckpointException>(() => target.Load(File1));
        Assert.Contains("1 missing in the file: final_norm.gamma", exception.Message);
        Assert.Contains("1 unexpected in the file: norm.gamma", exception.Message);
        CollectionAssert.AreEqual(before, target.NamedParameters().ElementAt(1).Value.ToArray());
    }

    [TestMethod]
    public void A_prefix_finds_a_stack_inside_a_wrapper()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Encoder(s_options, device, seed: 1);
        using var target = new Encoder(s_options, device, seed: 2);
        using Tensor other = Tensor.From(device, [1], [1f]);
        SafetensorsWriter.Write(File1, [.. model.NamedParameters().Select(static p => ("attn_layers." + p.Name, p.Value)), ("to_logits.weight", other)]);
        Assert.Contains("the keys begin with 'attn_layers.'", Assert.ThrowsExactly<CheckpointException>(() => target.Load(File1)).Message);
        target.Load(File1, "attn_layers.");
        foreach (((string name, Tensor value), (_, Tensor loaded)) in model.NamedParameters().Zip(target.NamedParameters()))
            CollectionAssert.AreEqual(value.ToArray(), loaded.ToArray(), name);
    }

    [TestMethod]
    public void A_truncated_checkpoint_is_refused()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var model = new Encoder(s_options, device);
        model.Save(File1);
        File.WriteAllBytes(File1, File.ReadAllBytes(File1)[..^100]);
        Assert.Contains("truncated", Assert.ThrowsExactly<CheckpointException>(() => model.Load(File1)).Message);
    }
}
