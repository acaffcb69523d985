using System.Diagnostics;
using System.Text;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Cli.Train.Pictures;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>
/// One training command from the first step to the report. In the output folder lie <c>settings.json</c>, <c>checkpoint.safetensors</c> (the whole run),
/// <c>loss.csv</c>, <c>loss.png</c> and what the task draws. A run that is killed at any moment continues from its last checkpoint as if nothing had happened.
/// </summary>
internal sealed class TrainingSession(ITrainingTask task, TrainingSettings settings, RunFolder folder, Terminal terminal)
{
    private readonly TrainingLimit _limit = new(settings);

    /// <summary>Trains and evaluates; null if it was cancelled before the last step.</summary>
    /// <param name="resume">Whether the run in the folder is continued, or a new one begun.</param>
    /// <param name="stop">Asks the run to stop, which it does when the step under way is finished and saved.</param>
    public TrainingReport? Run(bool resume, StopRequest stop)
    {
        long start = Stopwatch.GetTimestamp();
        ComputeDevice device = task.Model.Device;
        task.Model.ComputeDType = settings.Precision switch { Precision.Bfloat16 => DType.BFloat16, Precision.Float16 => DType.Float16, _ => DType.Float32 };
        using IDisposable claim = folder.Claim(resume);
        using Trainer trainer = CreateTrainer();
        if (resume)
            Resume(trainer);
        else if (folder.KeepEarlierRun() is { } kept)
            terminal.Line($"A run was here, which --resume would have continued; it is now in '{kept}'.");
        folder.Mark();
        AtomicFile.Write(
            folder.SettingsFile.FullName, stream => stream.Write(Encoding.UTF8.GetBytes($"{SettingsJson.Of(settings).ToJsonString(SettingsJson.Options)}\n")));
        using LossLog log = LossLog.Open(folder.LossFile, trainer.StepNumber);
        _limit.Spent = log.Spent;
        terminal.Line($"{task.Title}, {Format.Count(task.Model.ParameterCount)} parameters, on {device}");
        if (!Train(trainer, log, stop))
            return null;

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        TrainingReport report = WithAverage(trainer, task.Evaluate) with
        {
            Steps = trainer.StepNumber,
            SkippedSteps = trainer.SkippedSteps,
            FinalLoss = log.LastLoss,
            Parameters = task.Model.ParameterCount,
            Seconds = seconds,
            TokensPerSecond = task.TokensPerStep * log.Points.Count / log.Spent.TotalSeconds,
            PeakBytes = device.Statistics.PeakBytesInUse,
            Device = device.ToString(),
            Settings = SettingsJson.Of(settings),
        };
        terminal.Line(
            $"{report.Summary}; {trainer.StepNumber} steps in {Format.Seconds(TimeSpan.FromSeconds(seconds))}, {Format.Bytes(report.PeakBytes)} at most");
        if (report.Illustration is { } shown)
            terminal.Line(shown);
        return report;
    }

    private Trainer CreateTrainer()
    {
        IReadOnlyList<TrainedParameter> parameters = TrainedParameter.Of(task.Model);
        return new Trainer(
            task.Model,
            new AdamW(parameters) { WeightDecay = settings.WeightDecay, Beta2 = 0.95 },
            _limit.Schedule())
        {
            Seed = settings.Seed,
            ClipNorm = settings.ClipNorm > 0 ? settings.ClipNorm : null,
            Average = settings.EmaDecay > 0 ? new ExponentialMovingAverage(parameters, settings.EmaDecay) : null,
        };
    }

    private void Resume(Trainer trainer)
    {
        // Killed between its settings and its first checkpoint, a run has lost nothing yet.
        if (File.Exists(folder.CheckpointFile))
        {
            task.CheckResumed(folder.Folder);
            trainer.Resume(folder.CheckpointFile);
        }

        terminal.Line($"Resumed at step {trainer.StepNumber} of {_limit.Whole()}.");
    }

    /// <summary>Steps until the last or until cancelled; the state is saved in either case.</summary>
    private bool Train(Trainer trainer, LossLog log, StopRequest stop)
    {
        using IDisposable hold = stop.Hold();
        using CancellationTokenRegistration told = stop.Token.Register(
            () => terminal.Line("Stopping: the step under way will be finished and saved, however long that takes. Ctrl-C again stops at once."));
        if (!File.Exists(folder.CheckpointFile))
            trainer.Save(folder.CheckpointFile);
        TrainingProgress.Show(terminal, task, _limit, progress =>
        {
            while (!_limit.IsReached(trainer.StepNumber) && !stop.Token.IsCancellationRequested)
            {
                long number = trainer.StepNumber;
                StepResult step = trainer.Step(() => task.Loss(number));
                log.Add(step);
                _limit.Spent = log.Spent;
                progress.Add(step);
                if (_limit.IsReached(trainer.StepNumber))
                    break;
                if (trainer.StepNumber % settings.CheckpointEvery == 0)
                    Save(trainer, log);
                progress.Remark(() => WithAverage(trainer, () => task.Remark(trainer.StepNumber)));
            }
        });
        Save(trainer, log);
        bool isDone = _limit.IsReached(trainer.StepNumber);
        if (!isDone)
            terminal.Line($"Stopped at step {trainer.StepNumber} of {_limit.Whole()}; saved. --resume continues.");
        return isDone;
    }

    private void Save(Trainer trainer, LossLog log)
    {
        // The rows first: a resumed run drops those that its checkpoint does not know, and never lacks one.
        log.Flush();
        trainer.Save(folder.CheckpointFile);
        LossChart.Write(folder.LossPicture, log.Points);
        WithAverage(trainer, () =>
        {
            task.Illustrate(folder.Folder);
            return true;
        });
    }

    private static T WithAverage<T>(Trainer trainer, Func<T> use)
    {
        trainer.Average?.Swap();
        try
        {
            return use();
        }
        finally
        {
            trainer.Average?.Swap();
        }
    }
}
