using System.CommandLine;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Train;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Commands;

/// <summary><c>train</c>: demonstrations of learning whose best possible result is known.</summary>
internal static class TrainCommand
{
    public static Command Create() => new("train", "Train a model on data made from a seed, where the best possible result is known.") { Mae() };

    private static Command Mae()
    {
        var config = SharedOptions.Existing("--config", "settings as JSON with snake_case names; the options below override it", required: false);
        var output = new Option<DirectoryInfo>("--output") { Description = "folder for the checkpoint and loss.csv", HelpName = "DIR", Required = true };
        var steps = new Option<int?>("--steps") { Description = "training steps (default 2500: about three minutes on four cores)", HelpName = "N" };
        var batch = new Option<int?>("--batch") { Description = "images per step", HelpName = "N" };
        var rate = new Option<double?>("--learning-rate") { Description = "the highest learning rate", HelpName = "X" };
        var decoder = new Option<MaskedDecoder?>("--decoder") { Description = "CrossAttending (rectangular weights), Squeezed or SelfAttending", HelpName = "KIND" };
        var seed = new Option<int?>("--seed") { Description = "seed of parameters, images and masks", HelpName = "N" };
        var resume = new Option<bool>("--resume") { Description = "continue from the checkpoint in the output folder" };
        Option<string?> device = SharedOptions.Device();
        Option<FileInfo?> json = SharedOptions.Json();
        var command = new Command("mae", "A masked autoencoder with a cross-attending decoder on Gaussian random fields, measured against the closed-form optimum.")
        {
            config, output, steps, batch, rate, decoder, seed, resume, device, json,
        };
        return command.Runs(invocation =>
        {
            MaeSettings settings = invocation.Get(config) is { } file ? MaeSettings.Read(file) : new MaeSettings();
            settings = settings with
            {
                Steps = invocation.Get(steps) ?? settings.Steps,
                BatchSize = invocation.Get(batch) ?? settings.BatchSize,
                LearningRate = invocation.Get(rate) ?? settings.LearningRate,
                Decoder = invocation.Get(decoder) ?? settings.Decoder,
                Seed = invocation.Get(seed) ?? settings.Seed,
            };
            settings = settings with { WarmUpSteps = Math.Min(settings.WarmUpSteps, settings.Steps / 10) };
            using ComputeDevice opened = ComputeDevice.Create(invocation.Get(device));
            MaeReport? report = MaeTraining.Run(settings, opened, invocation.Require(output), invocation.Get(resume), invocation.Terminal, invocation.Cancellation);
            if (report is null)
                return ExitCode.Interrupted;
            JsonFile.Write(invocation.Get(json), report);
            return ExitCode.Pass;
        });
    }
}
