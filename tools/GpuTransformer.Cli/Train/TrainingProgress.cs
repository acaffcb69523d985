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
    private static readonly string[] s_headers = ["#step", "", "#loss", "#ms/step", "#tokens/s", "#in use", "#peak", "#left"];

    private readonly Terminal _terminal;
    private readonly DeviceStatistics _statistics;
    private readonly Action<IReadOnlyList<string>>? _show;
    private readonly TimeSpan _interval;
    private readonly long _steps;
    private readonly long _tokensPerStep;
    private long _shown = Stopwatch.GetTimestamp();
    private double _loss;
    private int _count;

    private TrainingProgress(Terminal terminal, DeviceStatistics statistics, long steps, long tokensPerStep, Action<IReadOnlyList<string>>? show)
    {
        (_terminal, _statistics, _steps, _tokensPerStep, _show) = (terminal, statistics, steps, tokensPerStep, show);
        _interval = TimeSpan.FromSeconds(show is null ? 5 : 0.5);
    }

    /// <summary>Runs <paramref name="body"/>, which tells every step.</summary>
    public static void Show(Terminal terminal, DeviceStatistics statistics, long steps, long tokensPerStep, Action<TrainingProgress> body)
        => terminal.Live(s_headers, show => body(new TrainingProgress(terminal, statistics, steps, tokensPerStep, show)));

    /// <summary>Counts a step.</summary>
    public void Add(in StepResult step)
    {
        if (step.Skipped)
            _terminal.Line($"Step {step.Step}: the loss or a gradient is not finite; the step was skipped.");
        else
            _loss += step.Loss;
        _count += step.Skipped ? 0 : 1;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_shown);
        if (_count == 0 || (elapsed < _interval && step.Step + 1 < _steps))
            return;
        Report(step.Step + 1, _loss / _count, elapsed / _count);
        (_shown, _loss, _count) = (Stopwatch.GetTimestamp(), 0, 0);
    }

    private void Report(long step, double loss, TimeSpan perStep)
    {
        CultureInfo invariant = CultureInfo.InvariantCulture;
        string[] cells =
        [
            step.ToString("n0", invariant),
            string.Create(invariant, $"of {_steps:n0}, {(double)step / _steps:p0}"),
            loss.ToString("g4", invariant),
            perStep.TotalMilliseconds.ToString("f1", invariant),
            (_tokensPerStep / perStep.TotalSeconds).ToString("n0", invariant),
            Format.Bytes(_statistics.BytesInUse),
            Format.Bytes(_statistics.PeakBytesInUse),
            Left(perStep * (_steps - step)),
        ];
        if (_show is not null)
            _show(cells);
        else
            _terminal.Line(
                $"step {cells[0],7} {cells[1]}  loss {cells[2],-8} {cells[3],7} ms/step  {cells[4],9} tokens/s  {cells[5]} in use, {cells[6]} at most  "
                + $"{cells[7]} left");
    }

    private static string Left(TimeSpan time)
        => time.TotalHours >= 1 ? time.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture) : time.ToString(@"m\:ss", CultureInfo.InvariantCulture);
}
