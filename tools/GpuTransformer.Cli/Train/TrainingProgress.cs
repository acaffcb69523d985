using System.Diagnostics;
using System.Globalization;
using GpuTransformer.Cli.Reporting;
using GpuTransformer.Host;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>
/// How a run is going: a table that renews itself where a person watches, a line every few seconds elsewhere. All numbers are means since they were last shown.
/// </summary>
internal sealed class TrainingProgress
{
    private readonly Terminal _terminal;
    private readonly DeviceStatistics _statistics;
    private readonly Action<IReadOnlyList<string>>? _show;
    private readonly TimeSpan _interval;
    private readonly ITrainingTask _task;
    private readonly TrainingLimit _limit;
    private long _shown = Stopwatch.GetTimestamp();
    private double _loss;
    private int _count;

    private TrainingProgress(Terminal terminal, ITrainingTask task, TrainingLimit limit, Action<IReadOnlyList<string>>? show)
    {
        (_terminal, _task, _statistics, _limit, _show) = (terminal, task, task.Model.Device.Statistics, limit, show);
        _interval = TimeSpan.FromSeconds(show is null ? 5 : 0.5);
    }

    /// <summary>Runs <paramref name="body"/>, which tells every step.</summary>
    /// <param name="terminal">Where it is shown.</param>
    /// <param name="task">What is trained.</param>
    /// <param name="limit">When it ends.</param>
    /// <param name="body">The steps.</param>
    public static void Show(Terminal terminal, ITrainingTask task, TrainingLimit limit, Action<TrainingProgress> body)
        => terminal.Live(
            ["#step", "", $"#{task.LossUnit.Name}", "#ms/step", "#tokens/s", "#in use", "#peak", "#left"],
            show => body(new TrainingProgress(terminal, task, limit, show)));

    /// <summary>Counts a step.</summary>
    public void Add(in StepResult step)
    {
        if (step.Skipped)
            _terminal.Line($"Step {step.Step}: the loss or a gradient is not finite; the step was skipped.");
        else
            _loss += step.Loss;
        _count += step.Skipped ? 0 : 1;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_shown);
        if (_count == 0 || (elapsed < _interval && !_limit.IsReached(step.Step + 1)))
            return;
        Report(step.Step + 1, _loss / _count, elapsed / _count);
        (_shown, _loss, _count) = (Stopwatch.GetTimestamp(), 0, 0);
    }

    /// <summary>Says something between two steps, if there is something to say. The time that it takes is not that of a step.</summary>
    public void Remark(Func<string?> remark)
    {
        long start = Stopwatch.GetTimestamp();
        if (remark() is { } text)
            _terminal.Line(text);
        _shown += Stopwatch.GetTimestamp() - start;
    }

    private void Report(long step, double loss, TimeSpan perStep)
    {
        CultureInfo invariant = CultureInfo.InvariantCulture;
        string[] cells =
        [
            step.ToString("n0", invariant),
            string.Create(invariant, $"of {_limit.Whole("n0")}, {_limit.Share(step):p0}"),
            _task.LossUnit.Of(loss).ToString("g4", invariant),
            perStep.TotalMilliseconds.ToString("f1", invariant),
            (_task.TokensPerStep / perStep.TotalSeconds).ToString("n0", invariant),
            Format.Bytes(_statistics.BytesInUse),
            Format.Bytes(_statistics.PeakBytesInUse),
            Left(_limit.Left(step, perStep)),
        ];
        if (_show is not null)
            _show(cells);
        else
            _terminal.Line(
                $"step {cells[0],7} {cells[1]}  {_task.LossUnit.Name} {cells[2],-8} {cells[3],7} ms/step  {cells[4],9} tokens/s  {cells[5]} in use, "
                + $"{cells[6]} at most  {cells[7]} left");
    }

    private static string Left(TimeSpan time)
        => time.TotalHours >= 1 ? time.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture) : time.ToString(@"m\:ss", CultureInfo.InvariantCulture);
}
