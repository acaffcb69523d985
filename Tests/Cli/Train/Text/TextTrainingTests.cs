using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Cli.Train.Text;

[TestClass]
public sealed class TextTrainingTests : IDisposable
{
    private static readonly string[] s_small =
    [
        "--length", "32", "--dim", "32", "--depth", "1", "--heads", "1", "--batch-size", "8", "--learning-rate", "0.01", "--sample-length", "40",
    ];

    private readonly TrainingFolder _folder = new();
    private readonly string _text;

    // A sentence again and again: after one of it everything is known, to a table of pairs not.
    public TextTrainingTests()
        => _text = _folder.Write("text.txt", string.Concat(Enumerable.Repeat("the quick brown fox jumps over the lazy dog, ", 200)));

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    public async Task It_learns_a_text_that_repeats()
    {
        CommandRun run = (await _folder.Run("text", "run", [.. s_small, "--data", _text, "--steps", "150", "--sample-every", "75", "--temperature", "0"]))
            .Exits(ExitCode.Pass);
        JsonElement report = _folder.Report("run");
        double Of(string name) => report.GetProperty(name).GetDouble();
        Assert.IsLessThan(0.5, Of("bits_per_byte"));
        Assert.IsLessThan(0.5, Of("training_bits_per_byte"));
        Assert.IsInRange(0.5, 2, Of("bigram_bits_per_byte"));
        Assert.IsLessThan(0.1, Of("gzip_bits_per_byte"));
        Assert.IsGreaterThan(Of("gzip_bits_per_byte"), Of("gzip_alone_bits_per_byte"));
        Assert.IsGreaterThan(0, Of("tokens_per_second"));
        Assert.AreEqual(9000 - 4096, Of("training_bytes"));
        Assert.AreEqual(4096, Of("held_out_bytes"));
        Assert.AreEqual(1, Of("files"));
        StringAssert.Contains(
            string.Concat(Enumerable.Repeat("the quick brown fox jumps over the lazy dog, ", 3)),
            report.GetProperty("sample").GetString(),
            StringComparison.Ordinal);
        run.Says("held out, the first 4096 bytes: ");
        Assert.HasCount(3, run.Output.Split("  it writes: "), "At step 75 and in the end.");
        run.Says("bits/byte ");
        run.Says("bits per byte of held-out text");
    }

    [TestMethod]
    public async Task The_model_is_saved_as_run_reads_it()
    {
        await _folder.Train("text", "run", [.. s_small, "--data", _text, "--steps", "3", "--sample-every", "0"]);
        using ComputeDevice device = ComputeDevice.Create("cpu");
        using Tensor ids = Tensor.Persistent(device, [1, 4], DType.Int32);
        ids.Write([1, 2, 3, 4]);
        SafetensorsWriter.Write(_folder["ids.safetensors"], [("x", ids)]);
        (await CommandRun.Of(
            "run", "--device", "cpu", "--config", _folder["run", "model.json"], "--checkpoint", _folder["run", "model.safetensors"],
            "--input", _folder["ids.safetensors"], "--output", _folder["logits.safetensors"])).Exits(ExitCode.Pass).Says("TransformerWrapper");
        using SafetensorsReader reader = SafetensorsReader.Open(_folder["logits.safetensors"]);
        CollectionAssert.AreEqual(new[] { 1, 4, 256 }, reader.Entries.Single().Shape.ToArray());
    }

    [TestMethod]
    public async Task A_resumed_run_gives_the_bits_of_an_uninterrupted_one()
    {
        string[] given = [.. s_small, "--data", _text, "--steps", "6", "--dropout", "0.1", "--ema-decay", "0.5"];
        JsonElement whole = await _folder.Train("text", "whole", [.. given, "--sample-every", "0"]);
        using (var stop = new CancellationTokenSource())
        {
            // Whatever is measured and written on the way changes nothing either.
            using var output = new StopAtSample(stop);
            int code = await CommandLine.RunAsync(
                ["train", "text", "--device", "cpu", "--output", _folder["parts"], .. given, "--sample-every", "2"], output, TextWriter.Null, stop.Token);
            Assert.AreEqual((int)ExitCode.Interrupted, code, output.ToString());
            StringAssert.Contains(output.ToString(), "Stopped at step 2 of 6", StringComparison.Ordinal);
        }

        JsonElement parts = await _folder.Train("text", "parts", "--resume");
        foreach (string name in new[] { "bits_per_byte", "training_bits_per_byte", "final_loss" })
            Assert.AreEqual(whole.GetProperty(name).GetDouble(), parts.GetProperty(name).GetDouble(), name);
        Assert.AreEqual(whole.GetProperty("sample").GetString(), parts.GetProperty("sample").GetString());
    }

    [TestMethod]
    public async Task A_run_is_not_resumed_with_another_text()
    {
        await _folder.Train("text", "run", [.. s_small, "--data", _text, "--steps", "2"]);
        string moved = _folder.Write("moved.txt", File.ReadAllText(_text));
        await _folder.Train("text", "run", "--resume", "--data", moved, "--steps", "3");
        File.AppendAllText(moved, "!");
        (await _folder.Run("text", "run", "--resume", "--steps", "4")).Exits(ExitCode.Usage)
            .ComplainsAbout("moved.txt' has 9001 bytes", "Give that text, or begin another run");
        (await _folder.Run("text", "run", "--resume", "--data", _text, "--length", "16")).Exits(ExitCode.Usage).ComplainsAbout("length is 16", "has 32");
    }

    [TestMethod]
    public async Task What_was_skipped_is_told()
    {
        Directory.CreateDirectory(_folder["texts"]);
        File.Copy(_text, _folder["texts", "a.txt"]);
        File.WriteAllBytes(_folder["texts", "b.txt"], [1, 0, 2]);
        CommandRun run = (await _folder.Run("text", "run", [.. s_small, "--data", _folder["texts"], "--steps", "1"])).Exits(ExitCode.Pass);
        run.Says("from 1 file (1 skipped, being binary: b.txt)");
        Assert.AreEqual("b.txt", _folder.Report("run").GetProperty("skipped_files")[0].GetString());
    }

    [TestMethod]
    [DataRow("data is not given: --data FILE or FOLDER")]
    [DataRow("there is no file or folder 'nowhere.txt'", "--data", "nowhere.txt")]
    [DataRow("the text has 9000 bytes, of which 4096 are held out; two windows of length 4000 beside them need 12096", "--length", "4000")]
    [DataRow("pattern is ' ; '", "--pattern", " ; ")]
    [DataRow("length is 1, but must be from 2 to", "--length", "1")]
    [DataRow("batch_size 65536 by length 128 is 8388608 bytes at once, but 4194304 are the most", "--batch-size", "65536")]
    [DataRow("dim is 0", "--dim", "0")]
    [DataRow("depth is 0", "--depth", "0")]
    [DataRow("heads is -1", "--heads", "-1")]
    [DataRow("dim_head is 31, but must be from 32 to", "--dim-head", "31")]
    [DataRow("ff_mult is 0, but must be above 0", "--ff-mult", "0")]
    [DataRow("dropout is 1, but must be from 0 to below 1", "--dropout", "1")]
    [DataRow("stride is 128, but must be from 1 to 127", "--stride", "128")]
    [DataRow("sample_every is -1", "--sample-every", "-1")]
    [DataRow("sample_length is 0", "--sample-length", "0")]
    [DataRow("prompt is empty", "--prompt", "")]
    [DataRow("temperature is -1", "--temperature", "-1")]
    [DataRow("minutes is -1, but must be from 0 to", "--minutes", "-1")]
    [DataRow("'soon' is not a finite number", "--minutes", "soon")]
    public async Task What_cannot_be_is_told_and_nothing_is_begun(string message, params string[] more)
    {
        // Except where it is about the data, there is a text.
        string[] data = more.Length == 0 || more[0] == "--data" ? [] : ["--data", _text];
        (await _folder.Run("text", "run", [.. data, .. more])).Exits(ExitCode.Usage).ComplainsAbout(message);
        Assert.IsFalse(Directory.Exists(_folder["run"]));
    }

    private sealed class StopAtSample(CancellationTokenSource stop) : StringWriter(System.Globalization.CultureInfo.InvariantCulture)
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.Contains("it writes", StringComparison.Ordinal) == true)
                stop.Cancel();
        }
    }
}
