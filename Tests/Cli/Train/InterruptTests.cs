using System.Globalization;
using System.Text.RegularExpressions;
using GpuTransformer.Cli;
using GpuTransformer.Modules;

namespace GpuTransformer.Tests.Cli.Train;

/// <summary>Ctrl-C while a step is under way that takes longer than anybody would wait for a program that does nothing.</summary>
[TestClass]
[OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
public sealed partial class InterruptTests : IDisposable
{
    private static readonly string[] s_small =
    [
        "--encoder-dim", "16", "--decoder-dim", "16", "--encoder-depth", "1", "--decoder-depth", "1", "--evaluation-images", "2",
    ];

    private readonly TrainingFolder _folder = new();

    private string Run => _folder["run"];

    private string Checkpoint => _folder["run", "checkpoint.safetensors"];

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    [DataRow("INT")]
    [DataRow("TERM")]
    public async Task The_first_one_finishes_the_step_and_saves(string signal)
    {
        // A step of some seconds, most of it in drawing the images.
        using var process = new CommandProcess(["train", "mae", "--device", "cpu", "--output", Run, "--steps", "1000", .. s_small, "--batch-size", "20000"]);
        await process.Says("parameters, on");
        await StepBegins();
        await process.Signal(signal);
        await process.Says("Stopping: the step under way will be finished and saved");
        Assert.AreEqual((int)ExitCode.Interrupted, await process.Ends(), process.Said);

        int step = int.Parse(StoppedAt().Match(process.Said).Groups[1].Value, CultureInfo.InvariantCulture);
        using (SafetensorsReader saved = SafetensorsReader.Open(Checkpoint))
            Assert.AreEqual($"{step}", saved.Metadata["step"]);
        Assert.HasCount(step + 1, await File.ReadAllLinesAsync(_folder["run", "loss.csv"]));
        Assert.IsEmpty(Directory.GetFiles(Run, "*.tmp"));
        await _folder.Train("mae", "run", "--resume", "--steps", $"{step + 1}", "--batch-size", "2");
    }

    [TestMethod]
    public async Task The_second_one_ends_it_at_once_and_nothing_is_half_written()
    {
        // A step of a minute, which nobody waits for.
        using var process = new CommandProcess(["train", "mae", "--device", "cpu", "--output", Run, "--steps", "1000", .. s_small, "--batch-size", "200000"]);
        await process.Says("parameters, on");
        await StepBegins();
        await process.Signal("INT");
        await process.Says("Ctrl-C again stops at once");
        await process.Signal("INT");
        Assert.AreEqual((int)ExitCode.Interrupted, await process.Ends(), process.Said);
        Assert.DoesNotContain("saved.", process.Said);
        using (SafetensorsReader saved = SafetensorsReader.Open(Checkpoint))
            Assert.AreEqual("0", saved.Metadata["step"]);
        await _folder.Train("mae", "run", "--resume", "--steps", "1", "--batch-size", "2");
        Assert.IsEmpty(Directory.GetFiles(Run, "*.tmp"));
    }

    [TestMethod]
    public async Task A_measurement_has_nothing_to_save_and_is_not_waited_for()
    {
        using var process = new CommandProcess("validate", "--device", "cpu");
        await process.Says("Validating");
        await process.Signal("TERM");
        Assert.AreEqual((int)ExitCode.Interrupted, await process.Ends(), process.Said);
    }

    // The first checkpoint is written before the first step.
    private async Task StepBegins()
    {
        while (!File.Exists(Checkpoint))
            await Task.Delay(10);
    }

    [GeneratedRegex(@"Stopped at step (\d+) of 1000; saved\.")]
    private static partial Regex StoppedAt();
}
