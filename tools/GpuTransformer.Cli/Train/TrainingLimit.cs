using System.Globalization;
using GpuTransformer.Modules;

namespace GpuTransformer.Cli.Train;

/// <summary>When a run is over: after its steps or, where minutes are given, after those.</summary>
internal sealed class TrainingLimit(TrainingSettings settings)
{
    private readonly TimeSpan? _time = settings.Minutes > 0 ? TimeSpan.FromMinutes(settings.Minutes) : null;

    /// <summary>What the steps so far took, those before a resumption included; nothing but steps counts.</summary>
    public TimeSpan Spent { get; set; }

    /// <summary>1500, or 5 minutes.</summary>
    /// <param name="format">Of the number of steps.</param>
    public string Whole(string? format = null) => _time is null
        ? settings.Steps.ToString(format, CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{settings.Minutes:0.######} minutes");

    /// <summary>Whether no step is left after so many.</summary>
    public bool IsReached(long steps) => _time is { } time ? Spent >= time : steps >= settings.Steps;

    /// <summary>How much of the run is done after so many steps, from 0 to 1.</summary>
    public double Share(long steps) => _time is { } time ? Math.Min(1, Spent / time) : (double)steps / settings.Steps;

    /// <summary>The time that is left after so many steps, if those to come take as long as given.</summary>
    public TimeSpan Left(long steps, TimeSpan perStep)
        => _time is not { } time ? perStep * (settings.Steps - steps) : Spent < time ? time - Spent : TimeSpan.Zero;

    /// <summary>The learning rate until then.</summary>
    public ILearningRateSchedule Schedule() => _time is not null
        ? new TimedSchedule(settings.LearningRate, settings.WarmUpSteps, this)
        : new LearningRateSchedule
        {
            Peak = settings.LearningRate, WarmUpSteps = Math.Min(settings.WarmUpSteps, settings.Steps / 10), TotalSteps = settings.Steps,
        };
}
