using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Cli.Commands;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Verification;
using GpuTransformer.Host;
using GpuTransformer.Modules;
using GpuTransformer.Tests.Modules.Checkpoints;

namespace GpuTransformer.Tests.Mutation;

/// <summary>
/// Spoilt configurations, manifests and checkpoints: each gives a result or an error that the documentation names, allocates no more than it may, and leaves
/// nothing behind. The short form runs with the other tests; <c>GPUTRANSFORMER_MUTATIONS=100000</c> makes it the long one.
/// </summary>
[TestClass]
public sealed class MutationTests
{
    private static readonly JsonSerializerOptions s_snakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private const long DeviceBytes = 32 << 20;

    private static readonly string[] s_cases = ["sdpa__f32_one_one", "ff__mult_fractional", "dec_causal__seq1", "table__alibi"];

    private readonly string _folder = Directory.CreateTempSubdirectory("mutation").FullName;

    public required TestContext TestContext { get; init; }

    [TestCleanup]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Configurations()
    {
        byte[][] seeds = [.. Cases(static _ => true).Select(static c => Description(c))];
        using ComputeDevice device = FailingBackend.Open(new FailingBackend { Largest = DeviceBytes }, DeviceBytes);
        var file = new FileInfo(Path.Combine(_folder, "config.json"));
        var mutator = new Mutator(24);
        var run = new MutationRun("configurations", static e => e is UsageException or InvalidDataException);
        for (int i = MutationRun.Count(600); i > 0; i--)
        {
            byte[] spoilt = mutator.Mutate(mutator.Pick(seeds), seeds);
            run.Try(spoilt, bytes =>
            {
                File.WriteAllBytes(file.FullName, bytes);
                using (ModelFiles.Create(file, device))
                {
                }
            });
            if (device.Statistics.BytesInUse > 0)
                Assert.Fail($"{device.Statistics.BytesInUse} bytes are left on the device by:\n{System.Text.Encoding.UTF8.GetString(spoilt)}");
        }

        Judge(run);
    }

    [TestMethod]
    public void Manifests()
    {
        byte[][] seeds =
            [.. Cases(static name => s_cases.Contains(name)).Select(static c => System.Text.Encoding.UTF8.GetBytes($$"""{"cases": [{{c.GetRawText()}}]}"""))];
        foreach (string name in s_cases)
            File.Copy(RepositoryFiles.PathOf("Tests", "Goldens", $"{name}.safetensors"), Path.Combine(_folder, $"{name}.safetensors"));
        using ComputeDevice device = ComputeDevice.Create("cpu", new ComputeDeviceOptions { Threads = 1 });
        var mutator = new Mutator(25);
        var run = new MutationRun("manifests", static e => e is UsageException);
        for (int i = MutationRun.Count(400); i > 0; i--)
        {
            run.Try(mutator.Mutate(mutator.Pick(seeds), seeds), bytes =>
            {
                File.WriteAllBytes(Path.Combine(_folder, "manifest.json"), bytes);
                GoldenManifest manifest = GoldenManifest.Read(new DirectoryInfo(_folder));
                var verifier = new GoldenVerifier(manifest, device, gradients: true);
                foreach (GoldenCase golden in manifest.Cases)
                    CheckVerdict(verifier.Verify(golden));
            });
        }

        Assert.AreEqual(0, device.Statistics.BytesInUse);
        Judge(run);
    }

    [TestMethod]
    public void Golden_files()
    {
        (GoldenCase Case, byte[] Bytes)[] seeds =
        [
            .. Cases(static name => s_cases.Contains(name)).Select(static c => JsonSerializer.Deserialize<GoldenCase>(c, s_snakeCase)!)
                .Select(static c => (c with { Sha256 = null }, File.ReadAllBytes(RepositoryFiles.PathOf("Tests", "Goldens", c.File)))),
        ];
        byte[][] headers = [.. seeds.Select(static s => s.Bytes[8..(8 + BitConverter.ToInt32(s.Bytes))])];
        using ComputeDevice device = ComputeDevice.Create("cpu", new ComputeDeviceOptions { Threads = 1 });
        var mutator = new Mutator(26);
        var run = new MutationRun("golden files", static e => e is CheckpointException);
        for (int i = MutationRun.Count(400); i > 0; i--)
        {
            (GoldenCase golden, byte[] whole) = mutator.Pick(seeds);
            run.Try(mutator.MutateSafetensors(whole, headers), bytes =>
            {
                File.WriteAllBytes(Path.Combine(_folder, golden.File), bytes);
                CheckVerdict(new GoldenVerifier(new GoldenManifest(new DirectoryInfo(_folder), [golden]), device, gradients: true).Verify(golden));
                using SafetensorsReader reader = SafetensorsReader.Open(Path.Combine(_folder, golden.File));
                foreach (SafetensorsEntry entry in reader.Entries.Where(static e => e.Type != SafetensorsType.BOOL))
                    Assert.HasCount((int)entry.Shape.Count, reader.ReadDoubles(entry.Name));
            });
        }

        Assert.AreEqual(0, device.Statistics.BytesInUse);
        Judge(run);
    }

    [TestMethod]
    public void Training_checkpoints()
    {
        using ComputeDevice device = ComputeDevice.Create("cpu", new ComputeDeviceOptions { Threads = 1 });
        string path = Path.Combine(_folder, "run.safetensors");
        using SmallRun saved = new(device, seed: 1), resumed = new(device, seed: 2);
        saved.Steps(3);
        saved.Trainer.Save(path);
        resumed.Steps(1);
        byte[] whole = File.ReadAllBytes(path);
        byte[][] headers = [whole[8..(8 + BitConverter.ToInt32(whole))]];
        var mutator = new Mutator(27);
        var run = new MutationRun("training checkpoints", static e => e is CheckpointException);
        (float[][] Numbers, string Counters) before = resumed.State();
        for (int i = MutationRun.Count(1500); i > 0; i--)
        {
            run.Try(mutator.MutateSafetensors(whole, headers), bytes =>
            {
                File.WriteAllBytes(path, bytes);
                try
                {
                    resumed.Trainer.Resume(path);
                }
                catch (CheckpointException)
                {
                    Assert.AreEqual(before.Counters, resumed.State().Counters);
                    Assert.IsTrue(
                        before.Numbers.Zip(resumed.State().Numbers).All(static n => n.First.AsSpan().SequenceEqual(n.Second)),
                        "A refused checkpoint changed numbers.");
                    throw;
                }

                before = resumed.State();
                Assert.IsTrue(before.Numbers.All(static numbers => Array.TrueForAll(numbers, float.IsFinite)), "Numbers that are not finite were resumed.");
                Assert.IsTrue(resumed.Trainer.LossScaler.Scale >= 1 && float.IsPow2(resumed.Trainer.LossScaler.Scale), before.Counters);
                Assert.IsTrue(resumed.Trainer.StepNumber is >= 0 and <= SmallRun.TotalSteps, before.Counters);
            });
        }

        Judge(run);
    }

    private void Judge(MutationRun run)
    {
        TestContext.WriteLine(run.ToString());
        Console.WriteLine(run);
        Assert.AreEqual(0, run.Undocumented, run.ToString());
        Assert.AreEqual(0, run.Heavy, run.ToString());
        Assert.IsGreaterThan(0, run.Results, run.ToString());
        Assert.IsGreaterThan(0, run.Documented, run.ToString());
    }

    // A case that cannot be run has a verdict that begins with the exception's type.
    private static void CheckVerdict(CaseResult result)
    {
        if (result.Status != CaseStatus.Failed || result.Message is not { } message || message.Split(':')[0] is not { } type
            || !type.EndsWith("Exception", StringComparison.Ordinal))
            return;
        if (type is not (nameof(UsageException) or nameof(CheckpointException) or nameof(ArgumentException) or nameof(InsufficientMemoryException)))
            throw new InvalidOperationException($"The verdict is undocumented: {message}");
    }

    private static IEnumerable<JsonElement> Cases(Func<string, bool> wanted)
    {
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllText(RepositoryFiles.PathOf("Tests", "Goldens", "manifest.json")));
        return [.. manifest.RootElement.GetProperty("cases").EnumerateArray().Where(c => wanted(c.GetProperty("name").GetString()!)).Select(static c
            => c.Clone())];
    }

    private static byte[] Description(JsonElement golden)
    {
        var parts = new Dictionary<string, JsonElement>();
        foreach (string name in new[] { "class", "kwargs", "ctor_args" })
        {
            if (golden.TryGetProperty(name, out JsonElement part))
                parts[name] = part;
        }

        return JsonSerializer.SerializeToUtf8Bytes(parts);
    }
}
