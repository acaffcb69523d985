using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>
/// The loop that every training command shares: steps, progress, a CSV of the loss, checkpoints, and an orderly end on Ctrl-C. In the output folder lie
/// <c>checkpoint.safetensors</c> (the whole run) and <c>loss.csv</c>.
/// </summary>
internal sealed class TrainingRun(Trainer trainer, long steps, int checkpointEvery, DirectoryInfo output, Terminal terminal)
{
    /// <summary>How configurations are read: snake_case, nothing unknown.</summary>
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private static readonly TimeSpan s_reportEvery = TimeSpan.FromSeconds(5);

    /// <summary>Where the whole run is kept.</summary>
    public string CheckpointPath => Path.Combine(output.FullName, "checkpoint.safetensors");

    /// <summary>Continues from the checkpoint in the output folder.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public void Resume()
    {
        if (!File.Exists(CheckpointPath))
            throw new UsageException($"There is nothing to resume: '{CheckpointPath}' does not exist.");
        trainer.Resume(CheckpointPath);
        terminal.Line($"Resumed at step {trainer.StepNumber} of {steps}.");
    }

    /// <summary>Trains until the last step or until cancelled; the state is saved in either case.</summary>
    /// <param name="loss">The loss of a step, given its number.</param>
    /// <param name="tokensPerStep">For the report.</param>
    /// <param name="cancellation">Ctrl-C.</param>
    /// <returns>False if it was cancelled.</returns>
    public bool Go(Func<long, Tensor> loss, long tokensPerStep, CancellationToken cancellation)
    {
        using StreamWriter csv = OpenCsv();
        long last = Stopwatch.GetTimestamp(), since = trainer.StepNumber;
        double recent = 0;
        while (trainer.StepNumber < steps && !cancellation.IsCancellationRequested)
        {
            long number = trainer.StepNumber;
            StepResult step = trainer.Step(() => loss(number));
            csv.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{step.Step},{step.Loss:r},{step.GradientNorm:g6},{step.Rate:g6},{step.Duration.TotalMilliseconds:f3}"));
            if (step.Skipped)
                terminal.Line($"Step {step.Step}: the loss or a gradient is not finite; the step was skipped.");
            recent += step.Loss;
            if (trainer.StepNumber % checkpointEvery == 0)
                Save(csv);
            if (Stopwatch.GetElapsedTime(last) > s_reportEvery || trainer.StepNumber == steps)
            {
                Report(recent / (trainer.StepNumber - since), Stopwatch.GetElapsedTime(last) / (trainer.StepNumber - since), tokensPerStep);
                (last, since, recent) = (Stopwatch.GetTimestamp(), trainer.StepNumber, 0);
            }
        }

        Save(csv);
        if (cancellation.IsCancellationRequested)
            terminal.Line($"Stopped at step {trainer.StepNumber} of {steps}; saved. --resume continues.");
        return !cancellation.IsCancellationRequested;
    }

    private void Save(StreamWriter csv)
    {
        // The rows first: a resumed run drops those that its checkpoint does not know, and never lacks one.
        csv.Flush();
        trainer.Save(CheckpointPath);
    }

    private void Report(double loss, TimeSpan perStep, long tokensPerStep)
    {
        DeviceStatistics statistics = trainer.Model.Device.Statistics;
        terminal.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"step {trainer.StepNumber,6} of {steps}  loss {loss:f4}  {perStep.TotalMilliseconds,7:f1} ms/step  {tokensPerStep / perStep.TotalSeconds,9:n0} tokens/s  {statistics.BytesAllocated / 1048576.0,7:f1} MiB"));
    }

    private StreamWriter OpenCsv()
    {
        string path = Path.Combine(output.FullName, "loss.csv");
        const string Header = "step,loss,gradient_norm,learning_rate,milliseconds";
        string[] kept = trainer.StepNumber > 0 && File.Exists(path) ? [.. File.ReadLines(path).Where(IsBeforeThis)] : [];
        File.WriteAllLines(path, [Header, .. kept]);
        return File.AppendText(path);
    }

    private bool IsBeforeThis(string line)
        => long.TryParse(line.AsSpan(0, Math.Max(0, line.IndexOf(',', StringComparison.Ordinal))), CultureInfo.InvariantCulture, out long step) && step < trainer.StepNumber;
}
