using System.CommandLine;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Train;
using GpuTransformer.Cli.Train.Copy;
using GpuTransformer.Cli.Train.Mae;
using GpuTransformer.Cli.Train.Recall;
using GpuTransformer.Cli.Train.Text;
using GpuTransformer.Host;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>train</c>: demonstrations of learning, each beside something that is known about its result.</summary>
internal static class TrainCommand
{
    public static Command Create() => new("train", "Train a model, beside what is known about its result.")
    {
        Task<MaeSettings>(
            "mae",
            "A masked autoencoder with a cross-attending decoder, on Gaussian fields measured against the closed-form optimum.",
            static (settings, device) => new MaeTask(settings, device)),
        Task<CopySettings>(
            "copy",
            "Sequences copied by a decoder that attends an encoder of another width; to be free of errors.",
            static (settings, device) => new CopyTask(settings, device)),
        Task<RecallSettings>(
            "recall",
            "Values looked up by key in a context of another width; to be exact, and blind to padding to the last bit.",
            static (settings, device) => new RecallTask(settings, device)),
        Task<TextSettings>(
            "text",
            "A language model of bytes, on your own text, beside what a table of pairs and gzip make of it.",
            static (settings, device) => new TextTask(settings, device)),
    };

    private static Command Task<TSettings>(string name, string description, Func<TSettings, ComputeDevice, ITrainingTask> create)
        where TSettings : TrainingSettings, new()
    {
        var config = SharedOptions.Existing("--config", "settings as JSON with snake_case names; the options below override it", required: false);
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = "folder for the checkpoint, loss.csv, pictures and the model", HelpName = "DIR", Required = true,
        };
        var resume =
            new Option<bool>("--resume") { Description = "continue from the checkpoint in the output folder, with its settings unless others are given" };
        Option<string?> device = SharedOptions.Device();
        Option<FileInfo?> json = SharedOptions.Json();
        var settings = new SettingsOptions<TSettings>();
        var command = new Command(name, description) { output, resume, device, json, config };
        foreach (Option option in settings.Options)
            command.Add(option);
        return command.Runs(invocation =>
        {
            var folder = new RunFolder(invocation.Require(output), name);
            bool resumes = invocation.Get(resume);
            folder.Check(resumes);
            FileInfo? kept = resumes && folder.SettingsFile.Exists ? folder.SettingsFile : null;
            TSettings read = settings.Read(invocation, invocation.Get(config) ?? kept);
            if (kept is not null)
                ResumedSettings.Check(SettingsOptions<TSettings>.ReadFile(kept), read, folder.Folder.FullName);
            using ComputeDevice opened = ComputeDevice.Create(invocation.Get(device));
            using ITrainingTask task = create(read, opened);
            TrainingReport? report = new TrainingSession(task, read, folder, invocation.Terminal).Run(resumes, invocation.Stop);
            if (report is null)
                return ExitCode.Interrupted;
            JsonFile.Write<object>(invocation.Get(json), report);
            return report.IsAsPromised ? ExitCode.Pass : ExitCode.Mismatch;
        });
    }
}
