using System.Text.Json;
using GpuTransformer.Cli;

namespace GpuTransformer.Tests.Cli.Train;

[TestClass]
public sealed class SettingsTests
{
    private static readonly string[] s_tiny = ["--steps", "2", "--batch-size", "2", "--evaluation-images", "2"];

    [TestMethod]
    public async Task An_option_goes_before_the_file_and_the_file_before_the_default()
    {
        using var folder = new TrainingFolder();
        string config = folder.Write("config.json", """{"batch_size": 3, "learning_rate": 0.25, "decoder": "squeezed"}""");
        JsonElement settings = (await folder.Train("mae", "run", [.. s_tiny, "--config", config, "--weight-decay", "0.5"])).GetProperty("settings");
        Assert.AreEqual(2, settings.GetProperty("batch_size").GetInt32());
        Assert.AreEqual(0.25, settings.GetProperty("learning_rate").GetDouble());
        Assert.AreEqual(0.5, settings.GetProperty("weight_decay").GetDouble());
        Assert.AreEqual("squeezed", settings.GetProperty("decoder").GetString());
        Assert.AreEqual(4, settings.GetProperty("patch_size").GetInt32());
    }

    [TestMethod]
    public async Task What_a_report_says_of_its_settings_is_a_configuration()
    {
        using var folder = new TrainingFolder();
        JsonElement first = await folder.Train("mae", "first", [.. s_tiny, "--decoder", "SelfAttending", "--seed", "7"]);
        string config = folder.Write("config.json", first.GetProperty("settings").GetRawText());
        JsonElement second = await folder.Train("mae", "second", "--config", config);
        Assert.AreEqual(first.GetProperty("masked_mse").GetDouble(), second.GetProperty("masked_mse").GetDouble());
        Assert.AreNotEqual(first.GetProperty("masked_mse").GetDouble(), (await folder.Train("mae", "third", s_tiny)).GetProperty("masked_mse").GetDouble());
    }

    [TestMethod]
    public async Task A_resumed_run_keeps_its_settings()
    {
        using var folder = new TrainingFolder();
        await folder.Train("mae", "run", [.. s_tiny, "--seed", "9"]);
        JsonElement report = await folder.Train("mae", "run", "--resume", "--steps", "3");
        Assert.AreEqual(9, report.GetProperty("settings").GetProperty("seed").GetInt32());
        Assert.AreEqual(3, report.GetProperty("steps").GetInt32());
    }

    [TestMethod]
    [DataRow("mae", "--steps", "many", "whole number")]
    [DataRow("mae", "--learning-rate", "fast", "finite number")]
    [DataRow("mae", "--decoder", "sideways", "self_attending")]
    [DataRow("mae", "--steps", "0", "steps")]
    [DataRow("mae", "--ema-decay", "1", "ema_decay")]
    [DataRow("mae", "--mask-ratio", "1", "mask_ratio")]
    [DataRow("copy", "--encoder-dim", "7", "encoder_dim")]
    [DataRow("recall", "--pairs", "65", "pairs")]
    public async Task A_wrong_value_is_refused_by_name(string task, string option, string value, string named)
    {
        using var folder = new TrainingFolder();
        (await folder.Run(task, "run", option, value)).Exits(ExitCode.Usage).ComplainsAbout(named);
        Assert.IsFalse(Directory.Exists(folder["run"]), "Nothing is begun.");
    }

    [TestMethod]
    [DataRow("""{"image_sise": 16}""", "image_sise")]
    [DataRow("""{"steps": "many"}""", "steps")]
    [DataRow("[]", "JSON object")]
    [DataRow("{", "config.json")]
    public async Task A_wrong_file_is_refused_by_name(string text, string named)
    {
        using var folder = new TrainingFolder();
        (await folder.Run("mae", "run", "--config", folder.Write("config.json", text))).Exits(ExitCode.Usage).ComplainsAbout("config.json", named);
    }

    [TestMethod]
    public async Task Help_lists_a_setting_of_every_kind_with_its_default()
    {
        CommandRun run = (await CommandRun.Of("train", "copy", "--help")).Exits(ExitCode.Pass);
        foreach (string text in new[] { "--source-length <N>", "--order <same|reversed|permuted>", "--learning-rate <X>", "(default 0.002)", "--resume",
            "--config <FILE>" })
            run.Says(text);
    }
}
