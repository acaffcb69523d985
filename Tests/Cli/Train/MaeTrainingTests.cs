using System.Globalization;
using System.Text.Json;
using GpuTransformer.Cli;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class MaeTrainingTests
{
    private string _folder = string.Empty;

    [TestInitialize]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("train-mae-").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public async Task Learning_starts_at_the_mean_and_goes_towards_the_optimum()
    {
        JsonElement report = await Train("whole", "--steps", "250", "--batch-size", "64", "--evaluation-images", "512");
        double error = report.GetProperty("masked_mse").GetDouble(), optimum = report.GetProperty("optimum").GetDouble();
        Assert.AreEqual(0.2415, optimum, 0.02);
        Assert.IsGreaterThan(optimum, error, "Nothing can be better than the optimum.");

        // Predicting the mean gets 1; copying the nearest visible pixel 0.6.
        Assert.IsLessThan(0.6, error);
    }

    [TestMethod]
    [DataRow("CrossAttending", false)]
    [DataRow("Squeezed", true)]
    [DataRow("SelfAttending", true)]
    public async Task Every_decoder_trains_and_only_the_rectangular_one_needs_no_projection(string decoder, bool projects)
    {
        JsonElement report = await Train(decoder, "--steps", "3", "--batch-size", "8", "--decoder", decoder, "--evaluation-images", "8");
        using GpuTransformer.Modules.SafetensorsReader checkpoint = GpuTransformer.Modules.SafetensorsReader.Open(
            Path.Combine(_folder, decoder, "checkpoint.safetensors"));
        Assert.AreEqual(projects, checkpoint.Contains("model.enc_to_dec.weight"));
        Assert.AreEqual(0, report.GetProperty("skipped_steps").GetInt32());
    }

    [TestMethod]
    public async Task A_run_that_was_stopped_ends_where_the_whole_one_does()
    {
        JsonElement whole = await Train("whole", "--steps", "8", "--batch-size", "16", "--evaluation-images", "64");
        string config = Path.Combine(_folder, "config.json");
        await File.WriteAllTextAsync(config, """{"steps": 8, "batch_size": 16, "checkpoint_every": 3, "evaluation_images": 64}""");
        using (var stop = new CancellationTokenSource())
        {
            // The first checkpoint is the sign that the run is under way.
            using var watcher = new FileSystemWatcher(_folder) { IncludeSubdirectories = true, EnableRaisingEvents = true };
            watcher.Renamed += (_, _) => stop.Cancel();
            int code = await CommandLine.RunAsync(
                ["train", "mae", "--device", "cpu", "--config", config, "--output", Path.Combine(_folder, "parts")],
                TextWriter.Null,
                TextWriter.Null,
                stop.Token);
            Assert.IsTrue(code is 130 or 0, $"Exit code {code}.");
        }

        JsonElement parts = await Train("parts", "--config", config, "--resume");
        Assert.AreEqual(whole.GetProperty("masked_mse").GetDouble(), parts.GetProperty("masked_mse").GetDouble());
        string[] rows = await File.ReadAllLinesAsync(Path.Combine(_folder, "parts", "loss.csv"));
        CollectionAssert.AreEqual(
            Enumerable.Range(0, 8).Select(static i => i.ToString(CultureInfo.InvariantCulture)).ToArray(),
            rows.Skip(1).Select(static r => r.Split(',')[0]).ToArray());
    }

    [TestMethod]
    public async Task The_average_is_measured_and_training_goes_on_without_it()
    {
        string[] tiny = ["--steps", "6", "--batch-size", "8", "--evaluation-images", "16", "--checkpoint-every", "2"];
        JsonElement plain = await Train("plain", tiny), average = await Train("average", [.. tiny, "--ema-decay", "0.9"]);
        Assert.AreEqual(plain.GetProperty("final_loss").GetDouble(), average.GetProperty("final_loss").GetDouble());
        Assert.AreNotEqual(plain.GetProperty("masked_mse").GetDouble(), average.GetProperty("masked_mse").GetDouble());
    }

    [TestMethod]
    [DataRow("bfloat16")]
    [DataRow("float16")]
    public async Task In_two_bytes_a_step_needs_less_memory_and_learns_nearly_the_same(string precision)
    {
        string[] few = ["--steps", "8", "--batch-size", "128", "--evaluation-images", "32", "--warm-up-steps", "0"];
        JsonElement full = await Train("full", few), half = await Train(precision, [.. few, "--precision", precision]);
        double expected = full.GetProperty("final_loss").GetDouble(), actual = half.GetProperty("final_loss").GetDouble();
        Assert.AreNotEqual(expected, actual);
        Assert.AreEqual(expected, actual, 0.02 * expected);
        Assert.AreEqual(0, half.GetProperty("skipped_steps").GetInt32());
        Assert.IsLessThan(0.8 * full.GetProperty("peak_bytes").GetInt64(), half.GetProperty("peak_bytes").GetInt64());
        using GpuTransformer.Modules.SafetensorsReader checkpoint = GpuTransformer.Modules.SafetensorsReader.Open(
            Path.Combine(_folder, precision, "checkpoint.safetensors"));
        Assert.AreEqual(GpuTransformer.Modules.SafetensorsType.F32, checkpoint["model.mask_token"].Type);
    }

    [TestMethod]
    public async Task A_new_run_keeps_the_last_state_of_the_one_that_was_there()
    {
        string[] tiny = ["--steps", "2", "--batch-size", "4", "--evaluation-images", "4"];
        await Train("run", tiny);
        byte[] before = await File.ReadAllBytesAsync(Path.Combine(_folder, "run", "checkpoint.safetensors"));
        await Train("run", [.. tiny, "--seed", "2"]);
        CollectionAssert.AreEqual(before, await File.ReadAllBytesAsync(Path.Combine(_folder, "run", "earlier-1", "checkpoint.safetensors")));
    }

    [TestMethod]
    public async Task A_run_that_was_killed_before_its_first_checkpoint_begins_again_with_its_settings()
    {
        JsonElement whole = await Train("run", "--steps", "2", "--batch-size", "4", "--evaluation-images", "4");
        File.Delete(Path.Combine(_folder, "run", "checkpoint.safetensors"));
        JsonElement again = await Train("run", "--resume");
        Assert.AreEqual(whole.GetProperty("masked_mse").GetDouble(), again.GetProperty("masked_mse").GetDouble());
        Assert.AreEqual(2, again.GetProperty("steps").GetInt32());
    }

    [TestMethod]
    public async Task Wrong_settings_are_usage_errors_that_name_them()
    {
        string config = Path.Combine(_folder, "config.json");
        await File.WriteAllTextAsync(config, """{"image_size": 15}""");
        Assert.Contains("patch_size", await Refused("--config", config));
        await File.WriteAllTextAsync(config, """{"image_sise": 16}""");
        Assert.Contains("image_sise", await Refused("--config", config));
        Assert.Contains("nothing to resume", await Refused("--resume"));
    }

    private async Task<JsonElement> Train(string name, params string[] more)
    {
        string json = Path.Combine(_folder, $"{name}.json");
        using var error = new StringWriter();
        int code = await CommandLine.RunAsync(
            ["train", "mae", "--device", "cpu", "--output", Path.Combine(_folder, name), "--json", json, .. more], TextWriter.Null, error);
        Assert.AreEqual(0, code, error.ToString());
        using JsonDocument document = JsonDocument.Parse(await File.ReadAllTextAsync(json));
        return document.RootElement.Clone();
    }

    private async Task<string> Refused(params string[] more)
    {
        using var error = new StringWriter();
        int code = await CommandLine.RunAsync(
            ["train", "mae", "--device", "cpu", "--output", Path.Combine(_folder, "refused"), .. more], TextWriter.Null, error);
        Assert.AreEqual(2, code);
        return error.ToString();
    }
}
