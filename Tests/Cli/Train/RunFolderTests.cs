using System.Text.Json;
using GpuTransformer.Cli;
using GpuTransformer.Cli.Train;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class RunFolderTests : IDisposable
{
    private static readonly string[] s_tiny = ["--steps", "2", "--batch-size", "2", "--evaluation-images", "2"];
    private static readonly string[] s_tinyCopy =
    [
        "--steps", "2", "--batch-size", "2", "--evaluation-sequences", "2", "--encoder-dim", "8", "--decoder-dim", "8", "--heads", "1", "--dim-head", "8",
    ];

    private readonly TrainingFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    [DataRow("settings.json")]
    [DataRow("loss.csv")]
    [DataRow("loss.png")]
    [DataRow("checkpoint.safetensors")]
    [DataRow("reconstruction.png")]
    [DataRow("model.json")]
    [DataRow("model.safetensors")]
    [DataRow("run.json")]
    public async Task A_foreign_file_is_not_overwritten(string name)
    {
        Directory.CreateDirectory(_folder["run"]);
        File.WriteAllText(_folder["run", name], """{"mine": true}""");
        (await _folder.Run("mae", "run", s_tiny)).Exits(ExitCode.Usage).ComplainsAbout(name, "choose another folder");
        Assert.AreEqual("""{"mine": true}""", File.ReadAllText(_folder["run", name]));
        Assert.HasCount(1, Directory.GetFiles(_folder["run"]), "Nothing is begun.");
    }

    [TestMethod]
    public async Task Only_the_runs_own_temporary_files_are_removed()
    {
        Directory.CreateDirectory(_folder["run"]);
        string[] foreign = ["notes.tmp", "checkpoint.safetensors.tmp", "loss.csv.of-yesterday.tmp"];
        foreach (string name in foreign)
            File.WriteAllText(_folder["run", name], "mine");
        await _folder.Train("mae", "run", s_tiny);
        File.WriteAllText(_folder["run", "checkpoint.safetensors.0123456789abcdef0123456789abcdef.tmp"], "half");
        await _folder.Train("mae", "run", "--resume");
        CollectionAssert.AreEquivalent(foreign, Directory.GetFiles(_folder["run"], "*.tmp").Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task A_second_run_in_a_folder_is_refused_with_the_first_ones_process(bool resume)
    {
        await _folder.Train("mae", "run", s_tiny);
        byte[] losses = File.ReadAllBytes(_folder["run", "loss.csv"]);
        using (new RunFolder(new DirectoryInfo(_folder["run"]), "mae").Claim(resume: true))
            (await _folder.Run("mae", "run", resume ? ["--resume"] : s_tiny)).Exits(ExitCode.Usage).ComplainsAbout(
                $"process {Environment.ProcessId}", _folder["run"]);
        CollectionAssert.AreEqual(losses, File.ReadAllBytes(_folder["run", "loss.csv"]));
        await _folder.Train("mae", "run", "--resume");
    }

    [TestMethod]
    public async Task A_run_of_another_task_is_not_resumed()
    {
        await _folder.Run("copy", "run", s_tinyCopy);
        byte[] checkpoint = File.ReadAllBytes(_folder["run", "checkpoint.safetensors"]);
        (await _folder.Run("mae", "run", [.. s_tiny, "--resume"])).Exits(ExitCode.Usage).ComplainsAbout("train copy", "train mae");
        CollectionAssert.AreEqual(checkpoint, File.ReadAllBytes(_folder["run", "checkpoint.safetensors"]));
    }

    [TestMethod]
    [DataRow("--encoder-dim", "16", "encoder_dim is 16", "has 128")]
    [DataRow("--decoder", "squeezed", "decoder is squeezed", "has cross_attending")]
    [DataRow("--seed", "2", "seed is 2", "has 1")]
    [DataRow("--mask-ratio", "0.5", "mask_ratio is 0.5", "has 0.75")]
    [DataRow("--ema-decay", "0.5", "ema_decay is 0.5", "has 0")]
    [DataRow("--steps", "1", "'step' = '2'", "after 1 steps")]
    public async Task Another_model_is_not_resumed_and_both_values_are_named(string option, string value, params string[] parts)
    {
        await _folder.Train("mae", "run", s_tiny);
        string[] before = [.. Directory.GetFiles(_folder["run"]).Order()];
        byte[] settings = File.ReadAllBytes(_folder["run", "settings.json"]), checkpoint = File.ReadAllBytes(_folder["run", "checkpoint.safetensors"]);
        (await _folder.Run("mae", "run", "--resume", option, value)).Exits(ExitCode.Usage).ComplainsAbout(parts);
        CollectionAssert.AreEqual(settings, File.ReadAllBytes(_folder["run", "settings.json"]));
        CollectionAssert.AreEqual(checkpoint, File.ReadAllBytes(_folder["run", "checkpoint.safetensors"]));
        CollectionAssert.AreEqual(before, Directory.GetFiles(_folder["run"]).Order().ToArray());
    }

    [TestMethod]
    public async Task How_training_goes_on_may_change()
    {
        await _folder.Train("mae", "run", s_tiny);
        JsonElement report = await _folder.Train(
            "mae", "run", "--resume", "--steps", "3", "--batch-size", "3", "--learning-rate", "0.01", "--precision", "bfloat16", "--checkpoint-every", "1");
        Assert.AreEqual(3, report.GetProperty("steps").GetInt32());
    }

    [TestMethod]
    public async Task An_earlier_run_of_whatever_task_can_still_be_resumed()
    {
        await _folder.Run("copy", "run", s_tinyCopy);
        byte[] first = File.ReadAllBytes(_folder["run", "checkpoint.safetensors"]);
        await _folder.Train("mae", "run", s_tiny);
        byte[] second = File.ReadAllBytes(_folder["run", "checkpoint.safetensors"]);
        await _folder.Train("mae", "run", [.. s_tiny, "--seed", "2"]);
        CollectionAssert.AreEqual(first, File.ReadAllBytes(_folder["run", "earlier-1", "checkpoint.safetensors"]));
        CollectionAssert.AreEqual(second, File.ReadAllBytes(_folder["run", "earlier-2", "checkpoint.safetensors"]));
        (await _folder.Run("mae", Path.Combine("run", "earlier-1"), "--resume")).Exits(ExitCode.Usage).ComplainsAbout("train copy");
        Assert.AreEqual(3, (await _folder.Train("mae", Path.Combine("run", "earlier-2"), "--resume", "--steps", "3")).GetProperty("steps").GetInt32());
    }

    [TestMethod]
    public async Task A_run_of_an_earlier_version_is_continued_by_resume_alone()
    {
        await _folder.Train("mae", "run", s_tiny);
        File.Delete(_folder["run", "run.json"]);
        (await _folder.Run("mae", "run", s_tiny)).Exits(ExitCode.Usage).ComplainsAbout("--resume");
        await _folder.Train("mae", "run", "--resume", "--steps", "3");
        Assert.IsTrue(File.Exists(_folder["run", "run.json"]));
    }

    [TestMethod]
    public async Task What_only_looks_like_a_run_is_left_as_it_is()
    {
        Directory.CreateDirectory(_folder["run"]);
        File.WriteAllText(_folder["run", "settings.json"], """{"steps": 2}""");
        File.WriteAllText(_folder["run", "checkpoint.safetensors"], "something else");
        (await _folder.Run("mae", "run", "--resume")).Exits(ExitCode.Usage).ComplainsAbout("checkpoint.safetensors");
        Assert.AreEqual("something else", File.ReadAllText(_folder["run", "checkpoint.safetensors"]));
        Assert.AreEqual("""{"steps": 2}""", File.ReadAllText(_folder["run", "settings.json"]));
        (await _folder.Run("mae", "run", s_tiny)).Exits(ExitCode.Usage).ComplainsAbout("settings.json");
    }
}
