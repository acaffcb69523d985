using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Modules.Checkpoints;

/// <summary>A checkpoint that stops being readable midway leaves everything as it was: parameters, moments, averages, counters.</summary>
[TestClass]
public sealed class AllOrNothingTests
{
    private static readonly AttentionLayersOptions s_options = new() { Dim = 16, Depth = 3, Heads = 2, Attn = new() { DimHead = 8 }, Ff = new() { Mult = 2 } };

    private readonly string _folder = Directory.CreateTempSubdirectory("all-or-nothing").FullName;

    private string Saved => Path.Combine(_folder, "a.safetensors");

    [TestCleanup]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DeviceRows(false), DeviceRows(true)]
    public void A_disk_that_fails_midway_changes_no_parameter(string id, bool ends)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var source = new Encoder(s_options, device, seed: 1);
        using var target = new Encoder(s_options, device, seed: 2);
        source.Save(Saved);
        byte[] bytes = File.ReadAllBytes(Saved);
        float[][] before = Numbers(target);
        int header = BitConverter.ToInt32(bytes) + 8, tried = 0;
        for (int readable = header; readable < bytes.Length; readable += 1009, tried++)
        {
            var failing = new FailingSource(bytes, readable, ends);
            using (SafetensorsReader reader = SafetensorsReader.Open("on a bad disk", failing))
                Assert.Contains("on a bad disk", Assert.ThrowsExactly<CheckpointException>(() => target.LoadStateDict(reader)).Message);
            Assert.IsTrue(failing.IsDisposed);
        }

        Assert.IsGreaterThan(10, tried);
        AssertSame(before, Numbers(target));
        using SafetensorsReader whole = SafetensorsReader.Open("on a good disk", new FailingSource(bytes, long.MaxValue));
        target.LoadStateDict(whole);
        AssertSame(Numbers(source), Numbers(target));
    }

    [TestMethod]
    public void A_file_truncated_after_it_was_opened_changes_no_parameter()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var source = new Encoder(s_options, device, seed: 1);
        using var target = new Encoder(s_options, device, seed: 2);
        source.Save(Saved);
        float[][] before = Numbers(target);
        using SafetensorsReader reader = SafetensorsReader.Open(Saved);

        // Written in place, as no careful program does; the reader's file is the same one.
        using (var file = new FileStream(Saved, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(file.Length / 2);
        Assert.Contains("ended", Assert.ThrowsExactly<CheckpointException>(() => target.LoadStateDict(reader)).Message);
        AssertSame(before, Numbers(target));
    }

    [TestMethod]
    [DeviceRows]
    public void A_disk_that_fails_midway_changes_nothing_of_a_run(string id)
    {
        ComputeDevice device = TestDevices.Get(id);
        using var saved = new SmallRun(device, seed: 1);
        using var resumed = new SmallRun(device, seed: 2);
        saved.Steps(3);
        resumed.Steps(1);
        saved.Trainer.Save(Saved);
        byte[] bytes = File.ReadAllBytes(Saved);
        (float[][] Numbers, string Counters) before = resumed.State();
        for (int readable = BitConverter.ToInt32(bytes) + 8; readable < bytes.Length; readable += 37)
        {
            using SafetensorsReader reader = SafetensorsReader.Open("on a bad disk", new FailingSource(bytes, readable));
            Assert.ThrowsExactly<CheckpointException>(() => TrainingCheckpoint.Load(resumed.Trainer, reader));
        }

        (float[][] Numbers, string Counters) after = resumed.State();
        AssertSame(before.Numbers, after.Numbers);
        Assert.AreEqual(before.Counters, after.Counters);
        resumed.Trainer.Resume(Saved);
        AssertSame(saved.State().Numbers, resumed.State().Numbers);
        Assert.AreEqual(saved.State().Counters, resumed.State().Counters);
    }

    private static float[][] Numbers(Module module) => [.. module.NamedParameters().Select(static p => p.Value.ToArray())];

    private static void AssertSame(float[][] expected, float[][] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
            CollectionAssert.AreEqual(expected[i], actual[i], $"tensor {i}");
    }
}
